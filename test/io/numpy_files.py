# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
"""Writes files for the tests with NumPy, and checks what the tests write.

    numpy_files.py write FOLDER
    numpy_files.py check FOLDER      exit status 1 unless all are as expected
    numpy_files.py check_npz FOLDER
    numpy_files.py check_nd FOLDER
"""
import os
import sys

import numpy as np
from numpy.lib import format as npy

NUMBERS = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8",
           "f2", "f4", "f8", "c8", "c16"]


def values(dtype, n=1000):
    """Element i as the tests compute it."""
    i = np.arange(n)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return i % 3 == 0
    if dtype.kind == "c":
        return (i - 0.5j * (i % 100)).astype(dtype)
    if dtype.kind == "f":
        return ((i % 200) / 4 - 7).astype(dtype)
    if dtype.kind == "i":
        return (i * 7 % 251 - 125).astype(dtype)
    return (i * 7 % 251).astype(dtype)


FIELDS = [("id", "i4"), ("v", "f8"), ("name", "S5"), ("grid", "i2", (2, 3))]


def record(order, align):
    fields = [(f[0], order + f[1] if f[0] != "name" else f[1], *f[2:])
              for f in FIELDS]
    r = np.zeros(50, np.dtype(fields, align=align))
    i = np.arange(50)
    r["id"], r["v"] = i - 3, i / 8
    r["name"] = [b"n%d" % k for k in i]
    r["grid"] = i[:, None, None] * 10 + np.arange(6).reshape(2, 3)
    return r


def deep():
    """Six axes."""
    return np.arange(2 * 3 * 4 * 5 * 6 * 7, dtype="i8").reshape(
        2, 3, 4, 5, 6, 7)


def texts():
    return np.array(["", "a", "\u00e9t\u00e9", "\u20ac", "\U0001f30a", "five5"])


def write(folder):
    def save(name, array, version=None):
        with open(os.path.join(folder, name + ".npy"), "wb") as f:
            npy.write_array(f, array, version=version, allow_pickle=False)

    for kind in NUMBERS:
        for name, order in (("little", "<"), ("big", ">")):
            save(f"{kind}_{name}", values(kind).astype(order + kind))
    for version in (1, 2, 3):
        save(f"version_{version}", values("f4"), (version, 0))
    cube = np.arange(7 * 5 * 3, dtype="i4").reshape(7, 5, 3)
    save("c_order", cube)
    save("fortran_order", np.asfortranarray(cube))
    save("fortran_big", np.asfortranarray(cube.astype(">i4")))
    save("tall", np.asfortranarray(
        np.arange(40000, dtype="f8").reshape(20000, 2)))
    save("wide", np.asfortranarray(
        np.arange(40000, dtype="f8").reshape(4, 10000)))
    for order in "<>":
        save(f"deep_{'big' if order == '>' else 'little'}",
             np.asfortranarray(deep().astype(order + "i8")))
    save("scalar", np.array(2.5))
    save("empty", np.zeros((0, 3), "f4"))
    save("bytes", np.array([b"", b"abc", b"\xff\xfe"], "S4"))
    save("texts", texts())
    save("texts_big", texts().astype(">U5"))
    save("void", np.array([b"abc", b"xyz"], "V3"))
    for order, name in (("<", "little"), (">", "big")):
        for align in (False, True):
            save(f"record_{name}_{align}", record(order, align))
    save("unicode_names", np.zeros(3, [("gr\u00f6\u00dfe", "f4")]), (3, 0))
    save("dates", np.zeros(3, "M8[s]"))
    save("long_double", np.zeros(3, "g"))
    np.savez(os.path.join(folder, "stored.npz"), a=values("f8"),
             b=values("i2"), c=np.asfortranarray(cube), t=texts())
    np.savez_compressed(os.path.join(folder, "deflated.npz"),
                        a=values("f8", 300000), b=values("i2"),
                        c=np.asfortranarray(cube), t=texts())


def check(folder):
    def load(name):
        return np.load(os.path.join(folder, name), allow_pickle=False)

    def same(name, found, expected):
        if found.dtype != expected.dtype or not np.array_equal(found, expected):
            sys.exit(f"{name}: {found.dtype} {found} is not "
                     f"{expected.dtype} {expected}")

    for kind in NUMBERS:
        same(kind, load(f"out_{kind}.npy"), values(kind))
    same("cube", load("out_cube.npy"),
         np.arange(7 * 5 * 3, dtype="i4").reshape(7, 5, 3))
    same("bytes", load("out_bytes.npy"),
         np.array([b"", b"abc", b"\xff\xfe"], "S4"))
    found = load("out_texts.npy")
    same("texts", found.astype("U5"), texts())
    found = load("out_record.npy")
    expected = record("<", True)
    for field in expected.dtype.names:
        same(field, found[field], expected[field])
    cells = load("out_nullable.npy")
    same("state", cells["state"], np.array([1, 2, 0, 1], "u1"))
    same("value", cells["value"], np.array([1.5, 0, 0, -2], "f8"))


def check_npz(folder):
    both = np.load(os.path.join(folder, "out.npz"), allow_pickle=False)
    cube = np.arange(7 * 5 * 3, dtype="i4").reshape(7, 5, 3)
    if sorted(both.files) != ["a", "cube", "none"]:
        sys.exit(f"out.npz holds {both.files}")
    if not np.array_equal(both["a"], values("f8", 300000)):
        sys.exit("a is not what it should be")
    if not np.array_equal(both["cube"], cube) or both["none"].shape != (0,):
        sys.exit("cube or none is not what it should be")


def check_nd(folder):
    cube = np.arange(7 * 5 * 3, dtype="i4").reshape(7, 5, 3)
    filled = np.full((40, 30), -2.5, "f4")
    filled[3, 7:12] = np.arange(5)
    wider = np.insert(cube, 2, np.full((7, 3), -1, "i4"), axis=1)
    expected = {
        "deep": deep(), "filled": filled, "wider": wider,
        "none": np.zeros((0, 4), "f8"),
        "view": deep()[1, ::2, :, 4::-3, 2, 1:6:2],
        "turned": cube[::-1, ::-1, ::-1],
        "column": filled[:, 8]}
    archive = np.load(os.path.join(folder, "nd.npz"), allow_pickle=False)
    if sorted(archive.files) != sorted(expected):
        sys.exit(f"nd.npz holds {archive.files}")
    for name, array in expected.items():
        found = np.load(os.path.join(folder, f"nd_{name}.npy"))
        for f in (found, archive[name]):
            if f.dtype != array.dtype or not np.array_equal(f, array):
                sys.exit(f"{name}: {f.dtype} {f.shape} {f}")


{"write": write, "check": check, "check_npz": check_npz,
 "check_nd": check_nd}[sys.argv[1]](sys.argv[2])
