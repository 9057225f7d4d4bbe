"""
PyTorch's side of `npm run bench -- step`: reads one command a line, as JSON, and answers with one line.

  {"command": "load", "model", "formats", "variant": {"way", "masked", "channelsLast", "compiled"}, "tensors": PATH, "streams", "optimizer", "threads"}
  {"command": "step", "outputs": PATH}    one step from the loaded state; writes loss, logits, parameters and optimizer state
  {"command": "time", "steps": N}         milliseconds of each of N further steps, on the clock and of all threads' processor time
"""

import json
import shutil
import sys
import time

import torch
import torch.nn.functional as F

from models import MODELS, Layers
from quantizers import NoisePool, Quantizers
from tensor_file import read_tensors, write_tensors


class Training:
    def __init__(self, request):
        torch.set_num_threads(request["threads"])
        torch.set_num_interop_threads(1)
        variant = request["variant"]
        compiled, channels_last = variant["compiled"], variant["channelsLast"]
        if compiled and not (shutil.which("g++") or shutil.which("clang++")):
            raise RuntimeError("torch.compile needs a C++ compiler")
        layout = torch.channels_last if channels_last else torch.contiguous_format

        def placed(tensor):
            return tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor

        tensors = read_tensors(request["tensors"])
        roles = request["roles"]
        self.x, self.labels = placed(tensors["x"]), tensors["labels"].long()
        self.parameters = {name: placed(tensors[name]).requires_grad_() for name in roles["parameters"]}
        self.buffers = {name: tensors[name] for name in roles["buffers"]}
        self.optimizer = optimizer_of(request["optimizer"], self.parameters.values())
        self.quantizers = Quantizers(request["formats"], variant["way"], variant["masked"], compiled)
        pool = tensors.get("noise", torch.zeros(0))
        self.noise = NoisePool(pool, request["streams"], self.quantizers.own, channels_last)
        model = MODELS[request["model"]]

        def loss_and_logits(parameters, x, labels, noise):
            logits = model(Layers(parameters, self.buffers, self.quantizers, noise), x)
            return F.cross_entropy(logits, labels), logits.detach()

        self.forward = torch.compile(loss_and_logits, dynamic=False) if compiled else loss_and_logits
        self.steps = 0

    def step(self, exact=False):
        noise = self.noise.at(self.steps, exact)
        loss, logits = self.forward(self.parameters, self.x, self.labels, noise)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        return loss.item(), logits

    def outputs(self, loss, logits):
        """By the names of QSpec's outputs."""
        tensors = {"loss": torch.tensor(loss), "logits": logits, **self.parameters}
        slots = {"momentum_buffer": "v", "exp_avg": "m", "exp_avg_sq": "v"}
        for name, parameter in self.parameters.items():
            for key, value in self.optimizer.state[parameter].items():
                if key in slots:
                    tensors[f"{name}.{slots[key]}"] = value
        return tensors


def optimizer_of(settings, parameters):
    """In its fused form, the fastest."""
    parameters = list(parameters)
    if settings["kind"] == "adam":
        betas = (settings["beta1"], settings["beta2"])
        return torch.optim.Adam(
            parameters,
            settings["lr"],
            betas,
            settings["epsilon"],
            settings["weightDecay"],
            fused=True,
        )
    return torch.optim.SGD(
        parameters,
        settings["lr"],
        settings["momentum"],
        weight_decay=settings["weightDecay"],
        fused=True,
    )


def answer(request, training):
    command = request["command"]
    if command == "step":
        loss, logits = training.step(exact=True)
        write_tensors(request["outputs"], training.outputs(loss, logits))
        return {"loss": loss}
    if command == "time":
        times, processor_times = [], []
        for _ in range(request["steps"]):
            processor_start, start = time.process_time(), time.perf_counter()
            training.step()
            times.append((time.perf_counter() - start) * 1000)
            processor_times.append((time.process_time() - processor_start) * 1000)
        return {"times": times, "processorTimes": processor_times}
    raise ValueError(f"unknown command {command}")


def main():
    training = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["command"] == "load":
                training = Training(request)
                reply = {"version": torch.__version__}
            else:
                reply = answer(request, training)
        except Exception as failure:  # the other side reports it
            reply = {"error": f"{type(failure).__name__}: {failure}".split("\n")[0]}
        print(json.dumps(reply), flush=True)


main()
