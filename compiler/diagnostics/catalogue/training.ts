import { error } from './entry.ts';

/** QS71xx: run directories, training and engines. */
export const RUN_CODES = {
  QS7100: error((p: { path: string }) => `${p.path} already holds a run`),
  QS7101: error((p: { path: string }) => `${p.path} is not empty and holds no run`),
  QS7102: error((p: { path: string }) => `${p.path} is not a run directory`),
  QS7103: error(
    (p: { path: string; option: string; recorded: string; given: string }) =>
      `the run in ${p.path} was started with ${p.option} ${p.recorded}, not ${p.given}`,
  ),
  QS7104: error(
    (p: { path: string }) => `the run in ${p.path} was compiled from another text than this spec`,
  ),
  QS7105: error((p: { path: string; reason: string }) => `${p.path} cannot be used: ${p.reason}`),
  QS7106: error(
    (p: { path: string }) => `the run in ${p.path} is not finished, so it has no trained model yet`,
  ),
  QS7110: error(
    (p: { step: number; name: string; value: string; loss: string }) =>
      `training diverged at step ${p.step}: the first value that is not finite is '${p.name}' (${p.value}), the loss is ${p.loss}`,
  ),
  QS7111: error(
    (p: { path: string; tensor: string; reason: string }) =>
      `${p.path} cannot initialize the model: tensor ${JSON.stringify(p.tensor)} ${p.reason}`,
  ),
  QS7113: error((p: { name: string }) => `${p.name} has no formats that meet its requirements here`),
  QS7112: error((p: { needed: number; available: number }) => {
    const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
    return `a step needs at least ${gigabytes(p.needed)} of memory, and this machine has ${gigabytes(p.available)}`;
  }),
} as const;
