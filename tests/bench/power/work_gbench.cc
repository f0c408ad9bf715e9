// The same work as a Google Benchmark, for that project's comparison tool.
#include <benchmark/benchmark.h>

#include <cstdint>

extern "C" uint64_t work(void);

static void work_benchmark(benchmark::State &state)
{
    for (auto _ : state)
        benchmark::DoNotOptimize(work());
}
BENCHMARK(work_benchmark)->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
