// The dynamic linker's list of libraries (qXfer:libraries-svr4), read where the program stands. Besides being one
// packet instead of a dozen, it keeps gdb from looking for the list in memory itself: gdb 13 compares the list's
// address (lmid) with what it reads of it at the moment, which in the past, before the dynamic linker has set it, is 0,
// and then no longer finds the symbols of the program: it is given 0, "one list only", which it does not compare. To
// gdb 18 the dynamic linker of list 0 is another library than the one it knew from the start, and it gives up the break
// there at which it hears of further libraries: it is given the address.
#pragma once
#include <string>

#include "gdbmi/rsp/target.h"

namespace fred::remote {

enum class ListName { none, address };

/// The document that gdb's library-list-svr4.dtd describes; without libraries for a static program, and as long as the
/// dynamic linker has not made its list.
Result<std::string> library_list(Target& target, ListName name);

}  // namespace fred::remote
