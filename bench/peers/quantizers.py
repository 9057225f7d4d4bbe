"""
The quantizers of QSpec in PyTorch: 8-bit integers with the largest magnitude as the largest code, weights per output channel or per tensor, activations per
tensor and without a sign where they are never negative, cotangents per tensor and stochastic; the straight-through estimator with its clip mask.

Two ways to write each: with PyTorch's own `fake_quantize` operators, and elementwise. Each with the mask computed and applied, and without:
a scale from the largest magnitude of the same tensor clips nothing, so the mask is 1 everywhere and leaving it out changes no result.
"""

import torch

SMALLEST_SCALE = 2.0**-126
SIGNED, UNSIGNED = (-127, 127), (0, 255)


class OwnOperator(torch.autograd.Function):
    """PyTorch's operator with the identity as its derivative."""

    @staticmethod
    def forward(ctx, x, scale, code_range):
        return own_operator(x, scale, code_range)

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent, None, None


class Elementwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale, code_range):
        return torch.div(x, scale).round_().clamp_(*code_range).mul_(scale)

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent, None, None


class MaskedElementwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale, code_range):
        rounded = torch.div(x, scale).round_()
        codes = rounded.clamp(*code_range)
        ctx.save_for_backward(codes.eq(rounded))
        return codes.mul_(scale)

    @staticmethod
    def backward(ctx, cotangent):
        (mask,) = ctx.saved_tensors
        return cotangent * mask, None, None


def own_operator(x, scale, code_range):
    low, high = code_range
    if scale.numel() == 1:
        return torch.fake_quantize_per_tensor_affine(x, scale.reshape(1), ZERO, low, high)
    zeros = torch.zeros(scale.numel(), dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(x, scale.flatten(), zeros, 0, low, high)


ZERO = torch.zeros(1, dtype=torch.int32)


class QuantizeCotangent(torch.autograd.Function):
    """The identity, whose derivative quantizes what arrives."""

    @staticmethod
    def forward(ctx, y, noise, own):
        ctx.save_for_backward(noise)
        ctx.own = own
        return y.view_as(y)

    @staticmethod
    def backward(ctx, cotangent):
        (noise,) = ctx.saved_tensors
        return quantize_stochastic(cotangent, noise, ctx.own), None, None


def quantize_stochastic(x, noise, own):
    """`noise` is uniform in [0, 1); for PyTorch's own operator, which rounds to nearest, it comes with ½ subtracted."""
    scale = scale_of(x, SIGNED)
    if own:
        return own_operator(torch.addcmul(x, noise, scale), scale, SIGNED)
    return torch.div(x, scale).add_(noise).floor_().clamp_(*SIGNED).mul_(scale)


def scale_of(x, code_range):
    """Of the whole tensor."""
    largest = x.amax() if code_range == UNSIGNED else torch.linalg.vector_norm(x, float("inf"))
    return (largest / code_range[1]).clamp_min(SMALLEST_SCALE)


def channel_scales(w):
    """One for each entry of the first axis."""
    return (w.abs().amax(dim=tuple(range(1, w.dim())), keepdim=True) / SIGNED[1]).clamp_min(SMALLEST_SCALE)


class NoisePool:
    """Uniform numbers drawn once; a stream of a step reads the slice at its offset, which moves from step to step."""

    def __init__(self, pool, streams, own, channels_last):
        self.pool = pool - 0.5 if own else pool
        self.streams = streams
        self.channels_last = channels_last

    def at(self, step, exact):
        """
        The noise of every stream. That of an image is drawn as [C, H, W, N]; where it need not be `exact`, it is read in the order of the tensor
        that it is added to, which is as random and faster.
        """
        noise = {}
        for stream in self.streams:
            shape, size = stream["shape"], stream["size"]
            start = (stream["offset"] + 7919 * step) % (self.pool.numel() - size + 1)
            values = self.pool[start : start + size]
            if len(shape) != 4:
                noise[stream["name"]] = values.view(shape)
                continue
            c, h, w, n = shape
            if exact:
                noise[stream["name"]] = values.view(shape).permute(3, 0, 1, 2)
            elif self.channels_last:
                noise[stream["name"]] = values.view(n, h, w, c).permute(0, 3, 1, 2)
            else:
                noise[stream["name"]] = values.view(n, c, h, w)
        return noise


class Quantizers:
    """What a layer does to its weights, its input and the cotangent of its output."""

    def __init__(self, formats, way, masked, compiled):
        self.rounds = formats != "f32"
        self.rounds_cotangents = "g8" in formats
        self.one_weight_scale = formats.endswith("-tensor")
        self.own = way == "operators"
        self.masked = masked
        self.compiled = compiled

    def _nearest(self, x, scale, code_range):
        if self.own and self.masked:
            return own_operator(x, scale, code_range)
        if self.own:
            return OwnOperator.apply(x, scale, code_range)
        return (MaskedElementwise if self.masked else Elementwise).apply(x, scale, code_range)

    def weights(self, w):
        if not self.rounds:
            return w
        scale = scale_of(w.detach(), SIGNED) if self.one_weight_scale else channel_scales(w.detach())
        return self._nearest(w, scale, SIGNED)

    def activation(self, x, code_range=UNSIGNED):
        if not self.rounds:
            return x
        return self._nearest(x, scale_of(x.detach(), code_range), code_range)

    def cotangent(self, y, noise):
        if not self.rounds_cotangents:
            return y
        if self.compiled:
            return QuantizeCotangent.apply(y, noise, self.own)
        y.register_hook(lambda cotangent: quantize_stochastic(cotangent, noise, self.own))
        return y
