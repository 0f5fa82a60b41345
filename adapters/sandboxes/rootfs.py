"""The file system that untrusted code sees: the running interpreter, its standard library, the guest, and nothing else.

Built once from this machine, without a registry, into a cache directory; all backends use it (docker imports it as an
image, bubblewrap binds it read-only). None of the host's other files is in it, no compiler, no shell.

    /opt/py/bin/python3                     the interpreter
    /opt/py/<libdir>/pythonX.Y              its standard library, without tests and site-packages
    /opt/py/so                              the shared libraries that these need
    /lib64/ld-… (or where it says)          the dynamic loader
    /opt/guest/modulo                       this package's files for the inside
    /opt/site                               numpy, sympy and what they need, without their tests (image `science` alone)
    /dev /proc /sys /tmp                    empty, to mount on
"""

from __future__ import annotations

import compileall
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from modulo import linked, linked_kinds, tagged
from modulo.adapters.sandboxes import packages
from modulo.errors import SandboxUnavailableError
from modulo.protocols import ImageName

__all__ = ["ENVIRONMENT", "PYTHON", "RootFs", "build", "guest_command", "shared_folder"]

PYTHON = "/opt/py/bin/python3"
ENVIRONMENT = {"LD_LIBRARY_PATH": "/opt/py/so"}
"""What the interpreter needs to start; the guest clears it before it loads a candidate."""

_FORMAT = "2"
_INSIDE = ("cells", "confine", "dispatcher", "guest*", "preload", "uids", "wipe")
_SITE = "/opt/site"
_SKIP = {
    "__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "idle_test", "tkinter", "turtledemo",
    "ensurepip", "lib2to3", "pydoc_data", "distutils", "venv",
}  # fmt: skip
_SKIP_EXTENSIONS = ("_tkinter", "_test", "_ctypes_test", "_xxtestfuzz", "xxlimited")


@dataclass(frozen=True)
class RootFs:
    """A finished root file system.

    Attributes:
        path: its directory; every part of it can be read by every uid.
        key: names its inputs (interpreter, standard library, guest), for a directory's or an image's name.
        digest: `sha256:…` of its content.
    """

    path: Path
    key: str
    digest: str


def guest_command(module: str, image: ImageName, root: str = "") -> list[str]:
    """Command that preloads what an image has and runs `main()` of a module of the inside, such as `guest`.

    Args:
        module: of this package.
        image: that the root file system was built for.
        root: its path, if the command is not run chrooted into it.
    """
    code = (
        f"import sys; sys.path[:0] = [{root + '/opt/guest'!r}]; sys.path += {[root + _SITE] * (image != 'base')!r}; "
        f"from modulo.adapters.sandboxes.preload import preload; preload({packages.PACKAGES[image]!r}); "
        f"from modulo.adapters.sandboxes.{module} import main; main()"
    )
    return [root + PYTHON, "-I", "-S", "-B", "-c", code]


def build(image: ImageName = "base", uid: int | None = None) -> RootFs:
    """The root file system for this interpreter, built if it is not there yet (seconds).

    Args:
        image: which of the two.
        uid: who must be able to reach its directory, if not this process's own user.

    Raises:
        SandboxUnavailableError: it cannot be built here, or a package is missing; says why.
    """
    key = _key(image)
    home = shared_folder(uid) / f"rootfs-{key}"
    digest = home / "digest"
    if not digest.is_file():
        _install(home, image, uid)
    return RootFs(path=home / "root", key=key, digest=digest.read_text().strip())


def shared_folder(uid: int | None = None) -> Path:
    """A cache directory of ours that `uid` can reach: the user's cache, or one for the machine.

    Raises:
        SandboxUnavailableError: there is none.
    """
    places = [Path(platformdirs.user_cache_dir("modulo"), "sandbox")]
    if os.getuid() == 0:
        places.append(Path("/var/cache/modulo/sandbox"))
    places.append(Path(tempfile.gettempdir()) / f"modulo-{os.getuid()}")
    for place in places:
        with suppress(OSError):
            place.mkdir(parents=True, exist_ok=True, mode=0o755)
            if _ours(place) and (uid is None or _reachable(place)):
                return place
    raise SandboxUnavailableError(
        f"no cache directory for the sandbox can be written: tried {', '.join(map(str, places))}"
    )


def _ours(place: Path) -> bool:
    """Whether nobody else can have put files there."""
    status = place.lstat()
    writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not writable and os.access(place, os.W_OK)


def _reachable(place: Path) -> bool:
    """Whether every user can pass through every directory down to `place`."""
    return all(part.stat().st_mode & stat.S_IXOTH for part in (place, *place.resolve().parents))


def _install(home: Path, image: ImageName, uid: int | None) -> None:
    try:
        work = Path(tempfile.mkdtemp(prefix="building-", dir=home.parent))
        try:
            root = work / "root"
            if image == "base":
                _copy_base(root)
            else:
                shutil.copytree(build("base", uid).path, root, copy_function=os.link)
                _copy_packages(root, packages.folders(image))
            _open_to_all(root)
            (work / "digest").write_text(_digest(root) + "\n")
            (work / "digest").chmod(0o644)
            work.chmod(0o755)
            with suppress(OSError):  # another process was first
                work.rename(home)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxUnavailableError(f"the sandbox's root file system cannot be built: {error}") from error
    if not (home / "digest").is_file():
        raise SandboxUnavailableError(f"the sandbox's root file system is damaged: remove {home}")


def _interpreter() -> Path:
    # Of a virtual environment, the interpreter it was made from.
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


def _key(image: ImageName) -> str:
    """Changes with the interpreter, its standard library, our files and the image's packages; takes milliseconds."""
    told = hashlib.sha256(f"{_FORMAT}\n{sys.version}\n{packages.stamp(image)}\n".encode())
    interpreter = _interpreter()
    for path in (interpreter, *sorted(_library().glob("*.py"))):
        status = path.stat()
        told.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    for _, source in _our_files():
        told.update(source.read_bytes())
    return told.hexdigest()[:16]


def _library() -> Path:
    return Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix, "base": sys.base_prefix}))


def _our_files() -> Iterator[tuple[str, Path]]:
    for module in (linked, linked_kinds, tagged):
        yield f"modulo/{Path(str(module.__file__)).name}", Path(str(module.__file__))
    for pattern in _INSIDE:
        for path in sorted(Path(__file__).parent.glob(f"{pattern}.py")):
            yield f"modulo/adapters/sandboxes/{path.name}", path


def _copy_base(root: Path) -> None:
    for folder in ("dev", "proc", "sys", "tmp", "opt/py/bin", "opt/py/so"):
        (root / folder).mkdir(parents=True)
    for device in ("null", "zero", "random", "urandom"):
        (root / "dev" / device).touch()
    interpreter = _interpreter()
    _copy(interpreter, root / PYTHON.lstrip("/"), 0o755)
    library = root / "opt/py" / sys.platlibdir / f"python{sys.version_info.major}.{sys.version_info.minor}"
    extensions = _copy_modules(_library(), library)
    # Debian keeps some extension modules' folder elsewhere; the interpreter only looks for this name.
    (library / "lib-dynload").mkdir(parents=True, exist_ok=True)
    _copy_closure([interpreter, *extensions], root)
    for place, path in _our_files():
        _copy(path, root / "opt/guest" / place, 0o644)
    for package in ("modulo", "modulo/adapters", "modulo/adapters/sandboxes"):
        (root / "opt/guest" / package / "__init__.py").touch()


def _copy_packages(root: Path, folders: list[Path]) -> None:
    extensions = []
    for folder in folders:
        if folder.suffix == ".libs":
            shutil.copytree(folder, root / _SITE.lstrip("/") / folder.name)
        else:
            extensions += _copy_modules(folder, root / _SITE.lstrip("/") / folder.name)
    _copy_closure(extensions, root, beside=tuple(str(folder) + "/" for folder in folders))
    # What the installer did not compile: sympy's thousand files take long at each start.
    compileall.compile_dir(root / _SITE.lstrip("/"), quiet=2, stripdir=str(root), workers=0)


def _open_to_all(root: Path) -> None:
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder, name)
            path.chmod(path.stat().st_mode & 0o111 | 0o755 if path.is_dir() else path.stat().st_mode | 0o444)


def _copy_modules(source: Path, target: Path) -> list[Path]:
    """Copy a folder of modules; returns the extension modules. Compiled files stay valid: times are kept."""
    extensions = []
    for folder, names, files in os.walk(source):
        names[:] = [n for n in names if n not in _SKIP and not n.startswith("config-")]
        here = Path(folder)
        for name in files:
            if name.endswith(".so") and not name.startswith(_SKIP_EXTENSIONS):
                extensions.append(here / name)
            elif not name.endswith(".py"):
                continue
            inside = target / here.relative_to(source)
            _copy(here / name, inside / name, 0o644)
            compiled = f"{name[:-3]}.{sys.implementation.cache_tag}.pyc"
            if name.endswith(".py") and (here / "__pycache__" / compiled).is_file():
                _copy(here / "__pycache__" / compiled, inside / "__pycache__" / compiled, 0o644)
    return extensions


def _copy_closure(binaries: list[Path], root: Path, beside: tuple[str, ...] = ()) -> None:
    """Copy the shared libraries that `binaries` need, but for those that already lie beside them, in `beside`."""
    for name, source in _closure(binaries).items():
        inside = root / source.lstrip("/") if name.startswith("/") else root / "opt/py/so" / name
        if not source.startswith(beside or "\0") and not inside.exists():
            _copy(Path(source), inside, 0o755)


def _closure(binaries: list[Path]) -> dict[str, str]:
    """Shared libraries that `binaries` need: name → path; the dynamic loader under its full path."""
    try:
        run = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        raise OSError("`ldd` is not installed") from None
    found: dict[str, str] = {}
    for line in run.stdout.splitlines():
        if match := re.match(r"\s+(\S+) => (/\S+)", line):
            found[match[1]] = match[2]
        elif match := re.match(r"\s+(/\S+) \(", line):
            found[match[1]] = match[1]
    return found


def _copy(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    status = source.stat()
    os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))
    target.chmod(mode)


def _digest(root: Path) -> str:
    told = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        told.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
        told.update(path.read_bytes())
    return "sha256:" + told.hexdigest()
