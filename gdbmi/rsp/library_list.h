// The dynamic linker's list of libraries (qXfer:libraries-svr4), read where the program stands. Besides being one
// packet instead of a dozen, it keeps gdb from looking for the list in memory itself: gdb 13 compares the list's
// address with what it reads of it at the moment, which in the past, before the dynamic linker has set it, is 0, and
// then no longer finds the symbols of the program.
#pragma once
#include <string>

#include "gdbmi/rsp/target.h"

namespace fred::remote {

/// The document that gdb's library-list-svr4.dtd describes; without libraries for a static program, and as long as the
/// dynamic linker has not made its list.
Result<std::string> library_list(Target& target);

/// Text as it stands in XML.
std::string xml_escaped(std::string_view text);

}  // namespace fred::remote
