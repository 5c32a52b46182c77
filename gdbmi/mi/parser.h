// Parses one line of GDB/MI output. Pure, and safe on any input.
#pragma once
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "gdbmi/mi/record.h"

namespace fred::mi {

/// `line` is without its newline; a carriage return at its end is ignored.
Result<Record> parse_record(std::string_view line);

/// As a C string in MI commands: quotes around it, and what must be escaped is.
std::string quote(std::string_view text);

}  // namespace fred::mi
