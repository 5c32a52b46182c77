// C++ as programs use it: streams, containers, RTTI, virtual calls, static objects and their order.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <sstream>
#include <string>
#include <typeinfo>
#include <unordered_map>
#include <vector>

namespace {
struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
struct Square : Shape {
  double side;
  explicit Square(double s) : side(s) {}
  double area() const override { return side * side; }
};
struct Circle : Shape {
  double radius;
  explicit Circle(double r) : radius(r) {}
  double area() const override { return 3 * radius * radius; }
};
struct Loud {
  const char* name;
  explicit Loud(const char* n) : name(n) { std::cout << "make " << name << '\n'; }
  ~Loud() { std::cout << "end " << name << '\n'; }
};
Loud global("global");
}  // namespace

int main() {
  static Loud local("static");
  std::vector<std::unique_ptr<Shape>> shapes;
  for (int i = 1; i <= 6; ++i)
    if (i % 2)
      shapes.push_back(std::make_unique<Square>(i));
    else
      shapes.push_back(std::make_unique<Circle>(i));
  for (const auto& s : shapes) {
    const auto* square = dynamic_cast<const Square*>(s.get());
    std::cout << (square ? "square " : "circle ") << s->area() << ' ' << (typeid(*s) == typeid(Circle)) << '\n';
  }
  std::map<std::string, int> counts;
  std::istringstream words("the cat and the dog and the bird");
  for (std::string w; words >> w;) ++counts[w];
  for (const auto& [w, n] : counts) std::cout << w << '=' << n << ' ';
  std::cout << '\n';
  std::unordered_map<int, int> squares;
  for (int i = 0; i < 1000; ++i) squares[i] = i * i;
  std::cout << std::accumulate(squares.begin(), squares.end(), 0L, [](long a, const auto& p) { return a + p.second; })
            << '\n';
  const std::regex pattern("([a-z]+)-([0-9]+)");
  std::smatch match;
  const std::string text = "see item-42 there";
  if (std::regex_search(text, match, pattern)) std::cout << match[1] << '/' << match[2] << '\n';
  std::vector<std::function<int(int)>> steps = {[](int x) { return x + 1; }, [](int x) { return x * 2; }};
  int value = 1;
  for (int i = 0; i < 10; ++i) value = steps[i % 2](value);
  std::cout << value << std::endl;
}
