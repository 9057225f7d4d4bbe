/** One file of a public data set, known by what it holds uncompressed: gzip headers differ between copies. */
export interface PublicFile {
  /** Name without `.gz`. */
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What `qspec data fetch` downloads: a file, or an archive of several. */
export interface Download {
  /** Name in the data folder and last part of the address. */
  readonly name: string;
  readonly contents: readonly PublicFile[];
}

/** A public data set and where its samples stand in its files. */
export interface PublicSet {
  /** Folder in the data folder, and the name that `qspec data fetch` knows. */
  readonly folder: string;
  readonly title: string;
  readonly format: 'idx' | 'cifar';
  readonly sampleShape: readonly [number, number, number];
  readonly classes: number;
  /** IDX: images, labels. CIFAR: batches of both. */
  readonly train: readonly PublicFile[];
  readonly test: readonly PublicFile[];
  /** Folders below the data folder in which a file may lie, tried in this order. */
  readonly places: readonly string[];
  readonly home: string;
  readonly downloads: readonly Download[];
}

function idxSet(
  folder: string,
  title: string,
  home: string,
  digests: readonly [string, string, string, string],
): PublicSet {
  const file = (name: string, index: 0 | 1 | 2 | 3, bytes: number): PublicFile => ({
    name,
    sha256: digests[index],
    bytes,
  });
  const train = [file('train-images-idx3-ubyte', 0, 47_040_016), file('train-labels-idx1-ubyte', 1, 60_008)];
  const test = [file('t10k-images-idx3-ubyte', 2, 7_840_016), file('t10k-labels-idx1-ubyte', 3, 10_008)];
  return {
    folder,
    title,
    format: 'idx',
    sampleShape: [1, 28, 28],
    classes: 10,
    train,
    test,
    places: [folder, '.'],
    home,
    downloads: [...train, ...test].map((content) => ({ name: `${content.name}.gz`, contents: [content] })),
  };
}

/** LeCun, Cortes, Burges: The MNIST database of handwritten digits. */
export const MNIST = idxSet('mnist', 'MNIST', 'https://storage.googleapis.com/cvdf-datasets/mnist/', [
  'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
]);

/** Xiao, Rasul, Vollgraf 2017: Fashion-MNIST (Zalando SE, MIT licence). */
export const FASHION_MNIST = idxSet(
  'fashion-mnist',
  'Fashion-MNIST',
  'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  [
    'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
  ],
);

const CIFAR_BATCH_BYTES = 30_730_000;

const CIFAR_TRAIN: readonly PublicFile[] = [
  'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5',
  'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed',
  'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67',
  '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48',
  '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add',
].map((sha256, index) => ({ name: `data_batch_${index + 1}.bin`, sha256, bytes: CIFAR_BATCH_BYTES }));

const CIFAR_TEST: readonly PublicFile[] = [
  {
    name: 'test_batch.bin',
    sha256: '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b',
    bytes: CIFAR_BATCH_BYTES,
  },
];

/** Krizhevsky 2009, "Learning multiple layers of features from tiny images": CIFAR-10, binary version. */
export const CIFAR10: PublicSet = {
  folder: 'cifar10',
  title: 'CIFAR-10',
  format: 'cifar',
  sampleShape: [3, 32, 32],
  classes: 10,
  train: CIFAR_TRAIN,
  test: CIFAR_TEST,
  places: ['cifar10', 'cifar10/cifar-10-batches-bin', 'cifar-10-batches-bin', '.'],
  home: 'https://www.cs.toronto.edu/~kriz/',
  downloads: [{ name: 'cifar-10-binary.tar.gz', contents: [...CIFAR_TRAIN, ...CIFAR_TEST] }],
};

export const PUBLIC_SETS: readonly PublicSet[] = [MNIST, FASHION_MNIST, CIFAR10];
