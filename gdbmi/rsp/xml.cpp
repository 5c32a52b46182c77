#include "gdbmi/rsp/xml.h"

#include "core/base/types.h"

namespace fred::remote {

namespace {
struct Escape {
  char character;
  std::string_view text;
};
constexpr Escape escapes[] = {
    {'&', "&amp;"}, {'<', "&lt;"}, {'"', "&quot;"}, {'\t', "&#9;"}, {'\n', "&#10;"}, {'\r', "&#13;"},
};
constexpr u8 first_printable = ' ';
}  // namespace

std::string xml_attribute(std::string_view text) {
  std::string xml;
  for (const char c : text) {
    const Escape* escape = nullptr;
    for (const auto& e : escapes) {
      if (e.character == c) escape = &e;
    }
    if (escape != nullptr) {
      xml += escape->text;
    } else {
      xml += static_cast<u8>(c) < first_printable ? '?' : c;
    }
  }
  return xml;
}

}  // namespace fred::remote
