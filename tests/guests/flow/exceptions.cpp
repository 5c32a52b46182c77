// C++ exceptions through many frames: destructors on the way, rethrow, nested, from a libc callback.
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {
int destroyed = 0;
struct Guard {
  ~Guard() { ++destroyed; }
};

int deep(int n) {
  Guard g;
  if (n == 0) throw std::runtime_error("bottom");
  return deep(n - 1) + 1;
}

int rethrow(int n) {
  try {
    if (n == 0) throw n;
    return rethrow(n - 1) + 1;
  } catch (int& v) {
    ++v;
    throw;
  }
}

void nested() {
  try {
    throw std::logic_error("inner");
  } catch (...) {
    std::throw_with_nested(std::runtime_error("outer"));
  }
}

int compare_throwing(const void*, const void*) { throw std::string("from qsort"); }
}  // namespace

int main() {
  for (int depth : {1, 10, 1000, 20000}) {
    destroyed = 0;
    try {
      deep(depth);
    } catch (const std::exception& e) {
      std::cout << depth << ' ' << e.what() << ' ' << destroyed << '\n';
    }
  }
  try {
    rethrow(500);
  } catch (int v) {
    std::cout << "rethrown " << v << '\n';
  }
  try {
    nested();
  } catch (const std::exception& e) {
    std::cout << e.what();
    try {
      std::rethrow_if_nested(e);
    } catch (const std::exception& in) {
      std::cout << " <- " << in.what() << '\n';
    }
  }
  int caught = 0;
  for (int i = 0; i < 5000; ++i) {
    try {
      if (i % 3 == 0) throw i;
      if (i % 3 == 1) throw static_cast<long>(i);
    } catch (int) {
      caught += 1;
    } catch (long) {
      caught += 100;
    }
  }
  std::cout << caught << '\n';
  int two[2] = {2, 1};
  try {
    qsort(two, 2, sizeof(int), compare_throwing);
  } catch (const std::string& s) {
    std::cout << s << '\n';
  }
  std::cout << "uncaught: " << std::uncaught_exceptions() << '\n';
}
