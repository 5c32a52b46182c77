// The values of GDB/MI: a string, a tuple of named values, or a list of values.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace fred::mi {

struct Member;

struct Value {
  enum class Kind { string, tuple, list };
  Kind kind = Kind::string;
  std::string text;  // of a string
  std::vector<Member>
      members;  // of a tuple or list; in a list the names may be empty (`[frame={…},frame={…}]` has them)

  /// The member with this name, or null. A tuple may have the same name twice: the first counts.
  const Value* find(std::string_view name) const;
  /// The string with this name, or "".
  std::string_view string(std::string_view name) const;
};

struct Member {
  std::string name;
  Value value;
};

inline const Value* Value::find(std::string_view name) const {
  for (const auto& m : members) {
    if (m.name == name) return &m.value;
  }
  return nullptr;
}

inline std::string_view Value::string(std::string_view name) const {
  const auto* v = find(name);
  return v != nullptr && v->kind == Kind::string ? std::string_view(v->text) : std::string_view();
}

}  // namespace fred::mi
