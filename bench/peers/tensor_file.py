"""Tensors in the safetensors format: a length, a JSON header, then the bytes of all tensors, little-endian and row-major."""

import json
import struct

import numpy as np
import torch

DTYPES = {"F32": np.float32, "I32": np.int32}


def read_tensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (header_bytes,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + header_bytes])
    header.pop("__metadata__", None)
    start = 8 + header_bytes
    tensors = {}
    for name, entry in header.items():
        first, end = entry["data_offsets"]
        values = np.frombuffer(data[start + first : start + end], DTYPES[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    return tensors


def write_tensors(path, tensors):
    """Every tensor as f32."""
    header, parts, end = {}, [], 0
    for name, tensor in tensors.items():
        values = tensor.detach().to(torch.float32).contiguous().numpy()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [end, end + values.nbytes]}
        parts.append(values.tobytes())
        end += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
