"""Each public header compiles alone and twice, in strict C11 and C++17, with every compiler here."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

STRICT = ("-fsyntax-only -Wall -Wextra -pedantic -Werror -Wshadow -Wundef -Wcast-qual -Wpointer-arith "
          "-Wwrite-strings -Wconversion -Wsign-conversion").split()
LANGUAGES = {
    "c": (("gcc", "clang"), ("c11", "gnu11", "c17"),
          ["-Wstrict-prototypes", "-Wmissing-prototypes"]),
    "cc": (("g++", "clang++"), ("c++17", "gnu++17", "c++20"), []),
}
VARIANTS = ([], ["-O2"], ["-DXSG_DISABLE"], ["-finstrument-functions"], ["-fvisibility=hidden"],
            ["-fno-exceptions"], ["-fsanitize=address,undefined"], ["-fsanitize=thread"])


def compile_one(command, text, suffix):
    with tempfile.NamedTemporaryFile("w", suffix="." + suffix) as file:
        file.write(text)
        file.flush()
        return subprocess.run([*command, file.name], capture_output=True, text=True)


def main(root):
    headers = sorted(glob.glob(os.path.join(root, "include/xsgate/*.h")))
    failures = checks = 0
    for header in headers:
        name = f"<xsgate/{os.path.basename(header)}>"
        text = f"#include {name}\n#include {name}\nint main(void);\nint main(void)\n{{\n    return 0;\n}}\n"
        for suffix, (compilers, standards, more) in LANGUAGES.items():
            for compiler in filter(shutil.which, compilers):
                for standard in standards:
                    for variant in VARIANTS:
                        command = [compiler, f"-std={standard}", *STRICT, *more, *variant, "-I",
                                   os.path.join(root, "include")]
                        done = compile_one(command, text, suffix)
                        checks += 1
                        if done.returncode != 0:
                            failures += 1
                            print(f"{name}: {' '.join(command)}\n{done.stderr}")
    # The check must be able to fail.
    broken = compile_one(["gcc", "-std=c11", *STRICT], "static int unused(void);\n", "c")
    if broken.returncode == 0:
        print("a broken source passed")
        failures += 1
    print(f"{len(headers)} headers, {checks} compilations, {failures} failures")
    return 1 if failures or checks == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
