// Loops in parallel by OpenMP's library: teams of threads, reductions, barriers, ordered and critical parts, tasks, locks.
// build: -fopenmp
#include <omp.h>
#include "common.h"

static long fib(int n) {
  if (n < 2) return n;
  long a, b;
#pragma omp task shared(a) if (n > 6)
  a = fib(n - 1);
  b = fib(n - 2);
#pragma omp taskwait
  return a + b;
}

int main(void) {
  enum { size = 10000 };
  static double numbers[size];
  omp_set_dynamic(0);
  omp_set_num_threads(4);
  long sum = 0, in_critical = 0, order = 0;
  int seen[4] = {0};
#pragma omp parallel
  {
    CHECK_EQ(omp_get_num_threads(), 4);
    seen[omp_get_thread_num()]++;
#pragma omp for schedule(dynamic, 64)
    for (int i = 0; i < size; i++) numbers[i] = i * 0.5;
#pragma omp for reduction(+ : sum)
    for (int i = 0; i < size; i++) sum += (long)(numbers[i] * 2);
#pragma omp critical
    in_critical++;
#pragma omp barrier
    CHECK_EQ(in_critical, 4);
#pragma omp for ordered
    for (int i = 0; i < 20; i++) {
#pragma omp ordered
      {
        CHECK_EQ(order, i);
        order++;
      }
    }
  }
  CHECK_EQ(sum, (long)size * (size - 1) / 2);
  for (int i = 0; i < 4; i++) CHECK_EQ(seen[i], 1);
  long result = 0;
#pragma omp parallel
#pragma omp single
  result = fib(15);
  CHECK_EQ(result, 610);
  omp_lock_t lock;
  omp_init_lock(&lock);
  long locked = 0;
#pragma omp parallel for num_threads(3)
  for (int i = 0; i < 300; i++) {
    omp_set_lock(&lock);
    locked++;
    omp_unset_lock(&lock);
  }
  CHECK_EQ(locked, 300);
  return done();
}
