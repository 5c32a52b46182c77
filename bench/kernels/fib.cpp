// Plain recursion: nothing but calls and returns.
#include "bench/kernels/kernel.h"

[[gnu::noinline]] static kernel::u64 fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

int main(int argc, char** argv) {
  return kernel::report("fib", fib(static_cast<unsigned>(kernel::work(argc, argv, 43))));
}
