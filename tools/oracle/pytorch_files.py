"""Files of torch.save() under tests/golden/pytorch, each beside the same tensors as safetensors, and hostile ones under
tests/fuzz/corpus/pytorch, whose pickles are assembled by hand."""
import collections
import io
import pathlib
import pickle
import struct
import zipfile

import torch
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN, HOSTILE = ROOT / "tests/golden/pytorch", ROOT / "tests/fuzz/corpus/pytorch"


def tensors():
    torch.manual_seed(1)
    big = torch.randn(6, 4)
    return collections.OrderedDict([
        ("embeddings.weight", torch.randn(5, 3)), ("half", torch.randn(7).half()), ("bfloat", torch.randn(2, 2, 2).bfloat16()),
        ("double", torch.randn(3).double()), ("embeddings.position_ids", torch.arange(5).unsqueeze(0)), ("byte", torch.arange(4, dtype=torch.uint8)),
        ("flags", torch.tensor([True, False])), ("scalar", torch.tensor(2.5)), ("empty", torch.zeros(0, 3)), ("transposed", big.t()),
        ("rows", big[2:4]), ("column", big[:, 1]), ("permuted", torch.randn(2, 3, 4).permute(2, 0, 1)), ("tied", big), ("été", torch.ones(1)),
    ])


def golden():
    GOLDEN.mkdir(exist_ok=True)
    state = tensors()
    save_file({k: v.contiguous().clone() for k, v in state.items()}, GOLDEN / "tensors.safetensors")
    torch.save(state, GOLDEN / "zip.bin")
    torch.save(state, GOLDEN / "legacy.bin", _use_new_zipfile_serialization=False)
    torch.save(dict(state), GOLDEN / "protocol4.bin", pickle_protocol=4)
    torch.save({"epoch": 3, "loss": 0.25, "note": None, "state_dict": state}, GOLDEN / "checkpoint.bin")
    torch.save({k: torch.nn.Parameter(v) if v.is_floating_point() else v for k, v in state.items()}, GOLDEN / "parameters.bin")
    module = torch.nn.Linear(3, 2)
    torch.save(module.state_dict(), GOLDEN / "module.bin")
    save_file(module.state_dict(), GOLDEN / "module.safetensors")


def archive(data_pkl, storages=(("0", b"\0" * 64),), name="archive", method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        z.writestr(f"{name}/data.pkl", data_pkl)
        for key, data in storages:
            z.writestr(f"{name}/data/{key}", data)
    return out.getvalue()


def text(s):
    return b"X" + struct.pack("<I", len(s)) + s.encode()


def storage(key="0", n=4, kind=b"FloatStorage"):
    return b"(" + text("storage") + b"ctorch\n" + kind + b"\n" + text(key) + text("cpu") + b"J" + struct.pack("<i", n) + b"tQ"


def tensor(offset=0, shape=(2, 2), strides=(2, 1), **of):
    sizes = lambda t: b"(" + b"".join(b"\x8a\x08" + struct.pack("<q", n) for n in t) + b"t"
    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(**of) + b"\x8a\x08" + struct.pack("<q", offset) + sizes(shape) + sizes(strides) +
            b"\x89ccollections\nOrderedDict\n)RtR")


def state(value):
    return b"\x80\x02}(" + text("weight") + value + b"u."


class Call:
    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


def named(module, name, arguments=b")"):
    return b"\x80\x02c" + module + b"\n" + name + b"\n" + arguments + b"R."


def hostile():
    import os
    good = archive(state(tensor()))
    end = good.rindex(b"PK\5\6")
    directory = struct.unpack("<I", good[end + 16:end + 20])[0]
    patched = lambda at, data: good[:at] + data + good[at + len(data):]
    two = archive(state(tensor()), [("0", b"\0" * 64), ("1", b"\1" * 64)])
    first = two.index(b"PK\1\2")
    files = {
        "good": good,
        "os-system": archive(pickle.dumps(Call(os.system, "touch /tmp/owned"), 2)),
        "os-system-protocol-4": archive(pickle.dumps(Call(os.system, "touch /tmp/owned"), 4)),
        "eval-nested": archive(pickle.dumps({"weight": [Call(eval, "1"), Call(Call, Call(exec, "2"))]}, 2)),
        "getattr": archive(named(b"builtins", b"getattr")),
        "load-from-hub": archive(named(b"torch.hub", b"load")),
        "subclass": archive(named(b"torch._utils", b"_rebuild_tensor_v2 ")),
        "set-state": archive(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}b."),
        "new-object": archive(b"\x80\x02ccollections\nOrderedDict\n)\x81."),
        "extension": archive(b"\x80\x02\x82\x01."),
        "instance": archive(b"(ios\nsystem\n."),
        "call-a-text": archive(b"\x80\x02" + text("os.system") + b")R."),
        "call-a-storage": archive(b"\x80\x02ctorch\nFloatStorage\n)R."),
        "nested-reduce": archive(b"\x80\x02" + b"ccollections\nOrderedDict\n" * 2000 + b")" + b"R" * 2000 + b"."),
        "nested-tuples": archive(b"\x80\x02N" + b"\x85" * 100000 + b"."),
        "itself": archive(b"\x80\x02}q\0" + text("weight") + b"h\0s."),
        "memo-huge": archive(b"\x80\x02Nr\xff\xff\xff\xff."),
        "memo-missing": archive(b"\x80\x02h\x05."),
        "mark-missing": archive(b"\x80\x02t."),
        "stack-empty": archive(b"\x80\x02."),
        "below-the-mark": archive(b"\x80\x02N(\x85."),
        "text-too-long": archive(b"\x80\x02X\xff\xff\xff\xff."),
        "long-too-long": archive(b"\x80\x02\x8a\xff" + b"\1" * 255 + b"."),
        "frame-cut": archive(b"\x80\x04\x95\0"),
        "pairs-again-and-again": archive(b"\x80\x02](" + b"N\x85N\x86" * 3 + b"eq\0." ),
        "dictionary-of-copies": archive(b"\x80\x02]q\0(" + b"NN\x86" * 500 + b"e0" + b"ccollections\nOrderedDict\nh\0\x85R0" * 500 + b"N."),
        "tensor-outside": archive(state(tensor(offset=1))),
        "tensor-offset-wraps": archive(state(tensor(offset=2**62))),
        "tensor-strides-wrap": archive(state(tensor(strides=(2**62, 2**62)))),
        "tensor-shape-wraps": archive(state(tensor(shape=(2**32, 2**32), strides=(0, 0)))),
        "tensor-expanded": archive(state(tensor(shape=(2**40,), strides=(0,)))),
        "tensor-negative": archive(state(tensor(shape=(-1,), strides=(1,)))),
        "tensor-many-dimensions": archive(state(tensor(shape=(1,) * 9, strides=(1,) * 9))),
        "tensor-dimensions-shared": archive(state(tensor(shape=(1,) * 65, strides=(1,) * 65))),
        "tensors-of-one-transposed": archive(b"\x80\x02}(" + text("a") + tensor(shape=(4, 4), strides=(1, 4), n=16) + b"q\0" +
                                             b"".join(text(f"t{i}") + b"h\0" for i in range(200)) + b"u."),
        "tensors-of-one-name": archive(b"\x80\x02}(" + text("n" * 1000) + b"q\1" + tensor() + b"q\0" + b"h\1h\0" * 100 + b"u."),
        "tensor-without-stride": archive(state(tensor(strides=(1,)))),
        "storage-missing": archive(state(tensor(key="7"))),
        "storage-elsewhere": archive(state(tensor(key="../../../etc/passwd"))),
        "storage-key-long": archive(state(tensor(key="0" * 256))),
        "storage-small": archive(state(tensor(n=17))),
        "storage-unknown": archive(state(tensor(kind=b"QInt8Storage"))),
        "name-with-nul": archive(b"\x80\x02}(" + text("a\0b") + tensor() + b"u."),
        "no-dict": archive(b"\x80\x02]."),
        "no-tensors": archive(b"\x80\x02}."),
        "pickle-cut": archive(state(tensor())[:-9]),
        "compressed": archive(state(tensor()), [("0", b"\0" * 100000)], method=zipfile.ZIP_DEFLATED),
        "two-pickles": archive(state(tensor()), [("0", b"\0" * 64), ("x/data.pkl", b"N.")]),
        "no-pickle": archive(b"", name="archive").replace(b"data.pkl", b"data.txt"),
        "paths": archive(state(tensor()), name="../../etc"),
        "cut-in-the-middle": good[:len(good) // 2],
        "cut-at-the-end": good[:-1],
        "directory-outside": patched(end + 16, struct.pack("<I", 2**31)),
        "directory-too-small": patched(end + 10, struct.pack("<H", 40000)),
        "entry-outside": patched(directory + 42, struct.pack("<I", 2**31)),
        "entry-too-long": patched(directory + 20, struct.pack("<II", 2**31, 2**31)),
        "entry-zip64-cut": patched(directory + 20, struct.pack("<II", 2**32 - 1, 2**32 - 1)),
        "entry-encrypted": patched(directory + 8, struct.pack("<H", 1)),
        "entries-overlap": two[:first + 20] + struct.pack("<II", 400, 400) + two[first + 28:],
    }
    with_order = io.BytesIO(good)
    with zipfile.ZipFile(with_order, "a") as z:
        z.writestr("archive/byteorder", "big")
    files["big-endian"] = with_order.getvalue()
    magic = pickle.dumps(0x1950a86a20f9469cfc6c, 2)
    before = magic + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    keys, bits = pickle.dumps(["0"], 2), struct.pack("<q", 4) + b"\0" * 16
    files |= {
        "legacy-good": before + state(tensor()) + keys + bits,
        "legacy-os-system": before + pickle.dumps(Call(os.system, "touch /tmp/owned"), 2),
        "legacy-cut": before + state(tensor()) + keys + bits[:-1],
        "legacy-elements": before + state(tensor()) + keys + struct.pack("<Q", 2**63) + b"\0" * 16,
        "legacy-key-unknown": before + state(tensor()) + pickle.dumps(["1"], 2) + bits,
        "legacy-key-twice": before + state(tensor()) + pickle.dumps(["0", "0"], 2) + bits + bits,
        "legacy-two-types": before + b"\x80\x02}(" + text("a") + tensor() + text("b") + tensor(kind=b"LongStorage") + b"u." + keys + bits,
        "legacy-no-keys": before + state(tensor()) + b"\x80\x02N." + bits,
        "legacy-ends": magic,
    }
    HOSTILE.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (HOSTILE / name).write_bytes(data)


golden()
hostile()
