// A matrix product of doubles, vectorised and not: long straight loops, where translation should cost nothing.
#include <cstring>
#include <vector>

#include "bench/kernels/kernel.h"

static constexpr int size = 400;
using Matrix = std::vector<double>;

static void multiply_rows(const Matrix& a, const Matrix& b, Matrix& c) {
  for (int i = 0; i < size; ++i)
    for (int k = 0; k < size; ++k)
      for (int j = 0; j < size; ++j) c[i * size + j] += a[i * size + k] * b[k * size + j];
}

static void multiply_columns(const Matrix& a, const Matrix& b, Matrix& c) {
  for (int i = 0; i < size; ++i)
    for (int j = 0; j < size; ++j) {
      double sum = 0;
      for (int k = 0; k < size; ++k) sum += a[i * size + k] * b[k * size + j];
      c[i * size + j] = sum;
    }
}

int main(int argc, char** argv) {
  const kernel::u64 rounds = kernel::work(argc, argv, 30);
  kernel::Random random(4);
  Matrix a(size * size), b(size * size), c(size * size);
  for (auto& x : a) x = static_cast<double>(random.below(1000)) / 1000;
  for (auto& x : b) x = static_cast<double>(random.below(1000)) / 1000;
  for (kernel::u64 round = 0; round < rounds; ++round) {
    multiply_rows(a, b, c);
    Matrix d(size * size);
    multiply_columns(a, b, d);
    for (int i = 0; i < size * size; ++i) a[i] = (c[i] + d[i]) / (size * 100.0);
  }
  kernel::u64 checksum = 0;
  for (double x : a) {
    kernel::u64 bits;
    std::memcpy(&bits, &x, sizeof bits);
    checksum = checksum * 31 + bits;
  }
  return kernel::report("matrix", checksum);
}
