// Virtual calls on a mixed collection of objects.
#include <memory>
#include <vector>

#include "bench/kernels/kernel.h"

using kernel::u64;

struct Shape {
  virtual ~Shape() = default;
  virtual u64 area() const = 0;
  virtual void grow(u64 by) = 0;
};

struct Square : Shape {
  u64 side = 1;
  u64 area() const override { return side * side; }
  void grow(u64 by) override { side += by & 3; }
};

struct Rectangle : Shape {
  u64 width = 1, height = 2;
  u64 area() const override { return width * height; }
  void grow(u64 by) override { (by & 1 ? width : height) += 1; }
};

struct Triangle : Shape {
  u64 base = 2, height = 2;
  u64 area() const override { return base * height / 2; }
  void grow(u64 by) override { base ^= by & 15; }
};

int main(int argc, char** argv) {
  const u64 rounds = kernel::work(argc, argv, 120'000);
  kernel::Random random(6);
  std::vector<std::unique_ptr<Shape>> shapes;
  for (int i = 0; i < 1000; ++i) {
    switch (random.below(3)) {
      case 0:
        shapes.push_back(std::make_unique<Square>());
        break;
      case 1:
        shapes.push_back(std::make_unique<Rectangle>());
        break;
      default:
        shapes.push_back(std::make_unique<Triangle>());
    }
  }
  u64 checksum = 0;
  for (u64 round = 0; round < rounds; ++round)
    for (auto& shape : shapes) {
      shape->grow(checksum);
      checksum += shape->area();
    }
  return kernel::report("virtual", checksum);
}
