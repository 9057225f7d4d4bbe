import type { CstNode, IToken } from "chevrotain";

export interface SpecCstNode extends CstNode {
  name: "spec";
  children: SpecCstChildren;
}

export type SpecCstChildren = {
  Spec?: IToken[];
  Word?: IToken[];
  item?: ItemCstNode[];
};

export interface ItemCstNode extends CstNode {
  name: "item";
  children: ItemCstChildren;
}

export type ItemCstChildren = {
  data?: DataCstNode[];
  block?: BlockCstNode[];
  model?: ModelCstNode[];
  train?: TrainCstNode[];
  precision?: PrecisionCstNode[];
  evaluation?: EvaluationCstNode[];
  experiment?: ExperimentCstNode[];
  exported?: ExportedCstNode[];
};

export interface DataCstNode extends CstNode {
  name: "data";
  children: DataCstChildren;
}

export type DataCstChildren = {
  Data: IToken[];
  Word: IToken[];
  args?: ArgsCstNode[];
  entries?: (EntriesCstNode)[];
};

export interface BlockCstNode extends CstNode {
  name: "block";
  children: BlockCstChildren;
}

export type BlockCstChildren = {
  Block: IToken[];
  Word: IToken[];
  OpenParen: IToken[];
  param?: ParamCstNode[];
  Comma?: IToken[];
  CloseParen: IToken[];
  body: BodyCstNode[];
};

export interface ParamCstNode extends CstNode {
  name: "param";
  children: ParamCstChildren;
}

export type ParamCstChildren = {
  Word: IToken[];
  Equals?: IToken[];
  Colon?: IToken[];
  expr?: ExprCstNode[];
};

export interface ModelCstNode extends CstNode {
  name: "model";
  children: ModelCstChildren;
}

export type ModelCstChildren = {
  Model: IToken[];
  Word: (IToken)[];
  OpenParen: IToken[];
  Colon: (IToken)[];
  type: (TypeCstNode)[];
  In?: IToken[];
  interval?: IntervalCstNode[];
  CloseParen: IToken[];
  Arrow?: IToken[];
  Init?: IToken[];
  From?: IToken[];
  Text?: IToken[];
  body: BodyCstNode[];
};

export interface TypeCstNode extends CstNode {
  name: "type";
  children: TypeCstChildren;
}

export type TypeCstChildren = {
  Word: IToken[];
  OpenBracket: IToken[];
  elements: ElementsCstNode[];
  CloseBracket: IToken[];
};

export interface IntervalCstNode extends CstNode {
  name: "interval";
  children: IntervalCstChildren;
}

export type IntervalCstChildren = {
  OpenBracket: IToken[];
  expr: (ExprCstNode)[];
  Comma: IToken[];
  CloseBracket: IToken[];
};

export interface BodyCstNode extends CstNode {
  name: "body";
  children: BodyCstChildren;
}

export type BodyCstChildren = {
  OpenBrace: IToken[];
  binding?: BindingCstNode[];
  Semicolon?: (IToken)[];
  Return?: IToken[];
  expr: ExprCstNode[];
  CloseBrace: IToken[];
};

export interface BindingCstNode extends CstNode {
  name: "binding";
  children: BindingCstChildren;
}

export type BindingCstChildren = {
  Let: IToken[];
  Word: IToken[];
  Equals?: IToken[];
  Colon?: IToken[];
  expr: ExprCstNode[];
};

export interface TrainCstNode extends CstNode {
  name: "train";
  children: TrainCstChildren;
}

export type TrainCstChildren = {
  Train: IToken[];
  OpenBrace: IToken[];
  definition?: DefinitionCstNode[];
  entry?: EntryCstNode[];
  Comma?: IToken[];
  CloseBrace: IToken[];
};

export interface DefinitionCstNode extends CstNode {
  name: "definition";
  children: DefinitionCstChildren;
}

export type DefinitionCstChildren = {
  Word: IToken[];
  Equals: IToken[];
  expr: ExprCstNode[];
};

export interface EvaluationCstNode extends CstNode {
  name: "evaluation";
  children: EvaluationCstChildren;
}

export type EvaluationCstChildren = {
  Eval: IToken[];
  entries: EntriesCstNode[];
};

export interface ExperimentCstNode extends CstNode {
  name: "experiment";
  children: ExperimentCstChildren;
}

export type ExperimentCstChildren = {
  Experiment: IToken[];
  Word: IToken[];
  OpenBrace: IToken[];
  budget?: BudgetCstNode[];
  entry?: EntryCstNode[];
  Comma?: IToken[];
  CloseBrace: IToken[];
};

export interface BudgetCstNode extends CstNode {
  name: "budget";
  children: BudgetCstChildren;
}

export type BudgetCstChildren = {
  Budget: IToken[];
  Word: IToken[];
  entries: EntriesCstNode[];
};

export interface ExportedCstNode extends CstNode {
  name: "exported";
  children: ExportedCstChildren;
}

export type ExportedCstChildren = {
  Export: IToken[];
  Word: IToken[];
  entries: EntriesCstNode[];
};

export interface EntriesCstNode extends CstNode {
  name: "entries";
  children: EntriesCstChildren;
}

export type EntriesCstChildren = {
  OpenBrace: IToken[];
  entry?: EntryCstNode[];
  Comma?: IToken[];
  CloseBrace: IToken[];
};

export interface EntryCstNode extends CstNode {
  name: "entry";
  children: EntryCstChildren;
}

export type EntryCstChildren = {
  key: KeyCstNode[];
  colon: ColonCstNode[];
  expr: ExprCstNode[];
};

export interface KeyCstNode extends CstNode {
  name: "key";
  children: KeyCstChildren;
}

export type KeyCstChildren = {
  Word: (IToken)[];
};

export interface ColonCstNode extends CstNode {
  name: "colon";
  children: ColonCstChildren;
}

export type ColonCstChildren = {
  Colon?: IToken[];
  Equals?: IToken[];
};

export interface PrecisionCstNode extends CstNode {
  name: "precision";
  children: PrecisionCstChildren;
}

export type PrecisionCstChildren = {
  Precision: IToken[];
  OpenBrace: IToken[];
  statement?: StatementCstNode[];
  Comma?: IToken[];
  CloseBrace: IToken[];
};

export interface StatementCstNode extends CstNode {
  name: "statement";
  children: StatementCstChildren;
}

export type StatementCstChildren = {
  preset?: PresetCstNode[];
  levels?: LevelsCstNode[];
  tie?: TieCstNode[];
  require?: RequireCstNode[];
  cost?: CostCstNode[];
  schedule?: ScheduleCstNode[];
  annotation?: AnnotationCstNode[];
};

export interface PresetCstNode extends CstNode {
  name: "preset";
  children: PresetCstChildren;
}

export type PresetCstChildren = {
  Preset: IToken[];
  Colon: IToken[];
  Word: IToken[];
};

export interface LevelsCstNode extends CstNode {
  name: "levels";
  children: LevelsCstChildren;
}

export type LevelsCstChildren = {
  Levels: IToken[];
  OpenBrace: IToken[];
  level?: LevelCstNode[];
  Comma?: IToken[];
  CloseBrace: IToken[];
};

export interface LevelCstNode extends CstNode {
  name: "level";
  children: LevelCstChildren;
}

export type LevelCstChildren = {
  operation: OperationCstNode[];
  Colon: IToken[];
  OpenBrace?: IToken[];
  levelFormat?: LevelFormatCstNode[];
  Comma?: IToken[];
  CloseBrace?: IToken[];
  format?: FormatCstNode[];
};

export interface LevelFormatCstNode extends CstNode {
  name: "levelFormat";
  children: LevelFormatCstChildren;
}

export type LevelFormatCstChildren = {
  sitePattern: SitePatternCstNode[];
  Colon: IToken[];
  format: FormatCstNode[];
};

export interface TieCstNode extends CstNode {
  name: "tie";
  children: TieCstChildren;
}

export type TieCstChildren = {
  Tie: IToken[];
  sitePattern: (SitePatternCstNode)[];
  Comma?: IToken[];
};

export interface RequireCstNode extends CstNode {
  name: "require";
  children: RequireCstChildren;
}

export type RequireCstChildren = {
  Require: IToken[];
  Word: IToken[];
  args: ArgsCstNode[];
  AtMost: IToken[];
  operation: (OperationCstNode)[];
  With?: IToken[];
  Probability?: IToken[];
};

export interface CostCstNode extends CstNode {
  name: "cost";
  children: CostCstChildren;
}

export type CostCstChildren = {
  Cost: IToken[];
  Colon?: IToken[];
  expr?: ExprCstNode[];
  OpenBrace?: IToken[];
  layerCost?: LayerCostCstNode[];
  Comma?: IToken[];
  CloseBrace?: IToken[];
};

export interface LayerCostCstNode extends CstNode {
  name: "layerCost";
  children: LayerCostCstChildren;
}

export type LayerCostCstChildren = {
  layer: LayerCstNode[];
  colon: ColonCstNode[];
  expr: ExprCstNode[];
};

export interface LayerCstNode extends CstNode {
  name: "layer";
  children: LayerCstChildren;
}

export type LayerCstChildren = {
  layerName: (LayerNameCstNode)[];
  Dot?: IToken[];
};

export interface LayerNameCstNode extends CstNode {
  name: "layerName";
  children: LayerNameCstChildren;
}

export type LayerNameCstChildren = {
  Word: IToken[];
  OpenBracket?: IToken[];
  Numeral?: IToken[];
  CloseBracket?: IToken[];
};

export interface ScheduleCstNode extends CstNode {
  name: "schedule";
  children: ScheduleCstChildren;
}

export type ScheduleCstChildren = {
  Schedule: IToken[];
  Word: IToken[];
  entries: EntriesCstNode[];
};

export interface AnnotationCstNode extends CstNode {
  name: "annotation";
  children: AnnotationCstChildren;
}

export type AnnotationCstChildren = {
  sitePattern: SitePatternCstNode[];
  colon: ColonCstNode[];
  bound?: BoundCstNode[];
  format?: FormatCstNode[];
};

export interface SitePatternCstNode extends CstNode {
  name: "sitePattern";
  children: SitePatternCstChildren;
}

export type SitePatternCstChildren = {
  Word: (IToken)[];
  index?: IndexCstNode[];
  member?: MemberCstNode[];
};

export interface MemberCstNode extends CstNode {
  name: "member";
  children: MemberCstChildren;
}

export type MemberCstChildren = {
  Dot: IToken[];
  Word: IToken[];
  index?: IndexCstNode[];
};

export interface IndexCstNode extends CstNode {
  name: "index";
  children: IndexCstChildren;
}

export type IndexCstChildren = {
  OpenBracket: IToken[];
  Star?: IToken[];
  operation?: OperationCstNode[];
  CloseBracket: IToken[];
};

export interface BoundCstNode extends CstNode {
  name: "bound";
  children: BoundCstChildren;
}

export type BoundCstChildren = {
  AtLeast?: IToken[];
  AtMost?: IToken[];
  Equals?: IToken[];
  primary: PrimaryCstNode[];
  Bits: IToken[];
};

export interface FormatCstNode extends CstNode {
  name: "format";
  children: FormatCstChildren;
}

export type FormatCstChildren = {
  Word: IToken[];
  expressions?: ExpressionsCstNode[];
  modifier?: ModifierCstNode[];
};

export interface ModifierCstNode extends CstNode {
  name: "modifier";
  children: ModifierCstChildren;
}

export type ModifierCstChildren = {
  Per?: IToken[];
  Word?: (IToken)[];
  OpenParen?: (IToken)[];
  expr?: ExprCstNode[];
  CloseParen?: (IToken)[];
  Scale?: IToken[];
  expressions?: ExpressionsCstNode[];
  Stochastic?: IToken[];
  Nearest?: IToken[];
  Full?: IToken[];
  Narrow?: IToken[];
};

export interface ExprCstNode extends CstNode {
  name: "expr";
  children: ExprCstChildren;
}

export type ExprCstChildren = {
  operation: OperationCstNode[];
  Pipe?: IToken[];
  stage?: StageCstNode[];
};

export interface StageCstNode extends CstNode {
  name: "stage";
  children: StageCstChildren;
}

export type StageCstChildren = {
  repeat?: RepeatCstNode[];
  call?: CallCstNode[];
  As?: IToken[];
  Word?: IToken[];
};

export interface RepeatCstNode extends CstNode {
  name: "repeat";
  children: RepeatCstChildren;
}

export type RepeatCstChildren = {
  Repeat: IToken[];
  operation: OperationCstNode[];
  OpenBrace: IToken[];
  stage: (StageCstNode)[];
  Pipe?: IToken[];
  CloseBrace: IToken[];
};

export interface CallCstNode extends CstNode {
  name: "call";
  children: CallCstChildren;
}

export type CallCstChildren = {
  Word: IToken[];
  args?: ArgsCstNode[];
};

export interface ArgsCstNode extends CstNode {
  name: "args";
  children: ArgsCstChildren;
}

export type ArgsCstChildren = {
  OpenParen: IToken[];
  argument?: ArgumentCstNode[];
  Comma?: IToken[];
  CloseParen: IToken[];
};

export interface ArgumentCstNode extends CstNode {
  name: "argument";
  children: ArgumentCstChildren;
}

export type ArgumentCstChildren = {
  key?: KeyCstNode[];
  colon?: ColonCstNode[];
  expr?: (ExprCstNode)[];
  phrase?: PhraseCstNode[];
};

export interface PhraseCstNode extends CstNode {
  name: "phrase";
  children: PhraseCstChildren;
}

export type PhraseCstChildren = {
  Word: IToken[];
};

export interface ExpressionsCstNode extends CstNode {
  name: "expressions";
  children: ExpressionsCstChildren;
}

export type ExpressionsCstChildren = {
  OpenParen: IToken[];
  elements: ElementsCstNode[];
  CloseParen: IToken[];
};

export interface ElementsCstNode extends CstNode {
  name: "elements";
  children: ElementsCstChildren;
}

export type ElementsCstChildren = {
  expr?: ExprCstNode[];
  Comma?: IToken[];
};

export interface OperationCstNode extends CstNode {
  name: "operation";
  children: OperationCstChildren;
}

export type OperationCstChildren = {
  operand: (OperandCstNode)[];
  operator?: (IToken)[];
};

export interface OperandCstNode extends CstNode {
  name: "operand";
  children: OperandCstChildren;
}

export type OperandCstChildren = {
  Minus?: IToken[];
  primary: (PrimaryCstNode)[];
  unit?: (IToken)[];
  At?: IToken[];
};

export interface PrimaryCstNode extends CstNode {
  name: "primary";
  children: PrimaryCstChildren;
}

export type PrimaryCstChildren = {
  Numeral?: IToken[];
  Text?: IToken[];
  list?: ListCstNode[];
  parenthesized?: ParenthesizedCstNode[];
  reference?: ReferenceCstNode[];
};

export interface ListCstNode extends CstNode {
  name: "list";
  children: ListCstChildren;
}

export type ListCstChildren = {
  OpenBracket: IToken[];
  elements: ElementsCstNode[];
  CloseBracket: IToken[];
};

export interface ParenthesizedCstNode extends CstNode {
  name: "parenthesized";
  children: ParenthesizedCstChildren;
}

export type ParenthesizedCstChildren = {
  OpenParen: IToken[];
  expr: ExprCstNode[];
  CloseParen: IToken[];
};

export interface ReferenceCstNode extends CstNode {
  name: "reference";
  children: ReferenceCstChildren;
}

export type ReferenceCstChildren = {
  Word: (IToken)[];
  args?: ArgsCstNode[];
  As?: IToken[];
};
