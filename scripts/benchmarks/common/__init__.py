"""What several benchmarks share: the machine, tables, busy networks, stages and stop watches."""
