"""The models of specs/cnn2-mnist, cnn4-fashion and resnet8-cifar10, over parameters by their names in the specs."""

import torch
import torch.nn.functional as F

from quantizers import SIGNED, UNSIGNED


class Layers:
    """Layers of one forward pass: parameters, running statistics, quantizers and the step's noise."""

    def __init__(self, parameters, buffers, quantizers, noise):
        self.parameters = parameters
        self.buffers = buffers
        self.quantizers = quantizers
        self.noise = noise
        # The compiler plans memory itself, and refuses to write into what a function of its user returned.
        self.in_place = not quantizers.compiled

    def conv(self, x, name, stride=1, pad=1):
        """Of an input that is quantized already, because two layers may share it."""
        w = self.quantizers.weights(self.parameters[f"{name}.weights"])
        y = F.conv2d(x, w, self.parameters.get(f"{name}.bias"), stride, pad)
        return self.quantizers.cotangent(y, self.noise.get(f"{name}.grad"))

    def dense(self, x, name):
        w = self.quantizers.weights(self.parameters[f"{name}.weights"])
        y = F.linear(self.rounded(x), w, self.parameters[f"{name}.bias"])
        return self.quantizers.cotangent(y, self.noise.get(f"{name}.grad"))

    def rounded(self, x, code_range=UNSIGNED):
        return self.quantizers.activation(x, code_range)

    def relu(self, x):
        return F.relu(x, inplace=self.in_place)

    def sum(self, x, y):
        return x.add_(y) if self.in_place else x + y

    def batch_norm(self, x, name):
        parameters, buffers = self.parameters, self.buffers
        return F.batch_norm(
            x,
            buffers[f"{name}.mean"],
            buffers[f"{name}.variance"],
            parameters[f"{name}.scale"],
            parameters[f"{name}.shift"],
            training=True,
            momentum=0.1,
            eps=1e-5,
        )


def cnn2(layers, x):
    x = F.max_pool2d(layers.relu(layers.conv(layers.rounded(x), "c1")), 2)
    x = F.max_pool2d(layers.relu(layers.conv(layers.rounded(x), "c2")), 2)
    x = layers.relu(layers.dense(x.flatten(1), "f1"))
    return layers.dense(x, "f2")


def cnn4(layers, x):
    x = layers.relu(layers.conv(layers.rounded(x), "c1"))
    x = F.max_pool2d(layers.relu(layers.conv(layers.rounded(x), "c2")), 2)
    x = layers.relu(layers.conv(layers.rounded(x), "c3"))
    x = F.max_pool2d(layers.relu(layers.conv(layers.rounded(x), "c4")), 2)
    x = layers.relu(layers.dense(x.flatten(1), "f1"))
    return layers.dense(x, "f2")


MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).reshape(3, 1, 1)
STD = torch.tensor([0.247, 0.2435, 0.2616]).reshape(3, 1, 1)


def resnet8(layers, x):
    x = layers.conv(layers.rounded((x - MEAN) / STD, SIGNED), "stem")
    x = layers.relu(layers.batch_norm(x, "batchnorm_1"))
    for i in range(3):
        x = block(layers, x, f"stage1[{i}]")
    x = block(layers, x, "down2", stride=2)
    for i in range(2):
        x = block(layers, x, f"stage2[{i}]")
    x = block(layers, x, "down3", stride=2)
    x = block(layers, x, "stage3")
    return layers.dense(x.mean((2, 3)), "head")


def block(layers, x, name, stride=1):
    rounded = layers.rounded(x)
    y = layers.batch_norm(layers.conv(rounded, f"{name}.c1", stride), f"{name}.n1")
    y = layers.rounded(layers.relu(y))
    y = layers.batch_norm(layers.conv(y, f"{name}.c2"), f"{name}.n2")
    shortcut = x
    if stride > 1:
        shortcut = layers.batch_norm(layers.conv(rounded, f"{name}.shortcut", stride, 0), f"{name}.n3")
    return layers.relu(layers.sum(y, shortcut))


MODELS = {"cnn2": cnn2, "cnn4": cnn4, "resnet8": resnet8}
