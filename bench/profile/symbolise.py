#!/usr/bin/env python3
"""symbolise.py PROFILE ELF [DIVISOR]: instructions by function, most first. DIVISOR: print them per so many operations."""
import bisect
import subprocess
import sys

symbols = []
for line in subprocess.run(["nm", "-n", sys.argv[2]], capture_output=True, text=True).stdout.splitlines():
    parts = line.split(None, 2)
    if len(parts) == 3 and parts[1] in "tTwW":
        symbols.append((int(parts[0], 16), parts[2]))
addresses = [a for a, _ in symbols]
at = {n: a for a, n in symbols}
kernel = range(at.get("__kernel_text_start", 0), at.get("__kernel_text_end", 0))
divisor = float(sys.argv[3]) if len(sys.argv) > 3 else 1
functions, blocks, total, ours = {}, {}, 0, 0
for line in open(sys.argv[1]):
    address, executed, instructions = line.split()
    n = int(executed) * int(instructions)
    i = bisect.bisect(addresses, int(address, 16)) - 1
    name = symbols[i][1] if i >= 0 else "?"
    functions[name] = functions.get(name, 0) + n
    blocks[name] = blocks.get(name, 0) + int(executed)
    total += n
    if int(address, 16) in kernel:
        ours += n
print(f"{total / divisor:14.1f} instructions, {ours / divisor:.1f} of them the kernel's")
for name, n in sorted(functions.items(), key=lambda x: -x[1])[:120]:
    print(f"{n / divisor:14.1f} {100 * n / total:5.1f}% {blocks[name] / divisor:12.1f} blocks  {name}")
