// Text in the XML documents that gdb reads.
#pragma once
#include <string>
#include <string_view>

namespace fred::remote {

/// As an attribute's value. Characters that XML cannot have become '?'.
std::string xml_attribute(std::string_view text);

}  // namespace fred::remote
