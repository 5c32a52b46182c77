// An input for cc1plus: ordinary code that draws in much of the standard library.
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

struct Entry {
  std::string key, value;
  int line;
};

std::vector<Entry> parse(std::istream& in) {
  static const std::regex entry(R"(^\s*(\w+)\s*=\s*(.*?)\s*$)");
  std::vector<Entry> entries;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::smatch match;
    if (std::regex_match(line, match, entry)) entries.push_back({match[1], match[2], number});
  }
  return entries;
}

int main() {
  std::istringstream text("width = 10\nheight = 20\n# comment\ntitle = A Window\nwidth = 11\n");
  std::map<std::string, std::vector<Entry>> by_key;
  for (auto& e : parse(text)) by_key[e.key].push_back(e);
  for (const auto& [key, entries] : by_key) {
    auto last = std::max_element(entries.begin(), entries.end(), [](auto& a, auto& b) { return a.line < b.line; });
    std::cout << key << ": " << last->value << " (line " << last->line << ", " << entries.size() << " in all)\n";
  }
}
