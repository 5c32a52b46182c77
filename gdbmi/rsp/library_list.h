// The dynamic linker's list of libraries (qXfer:libraries-svr4), read where the program stands. Besides being one
// packet instead of a dozen, it keeps gdb from looking for the list in memory itself: gdb 13 compares the list's
// address (lmid) with what it reads of it at the moment, which in the past, before the dynamic linker has set it, is 0,
// and then no longer finds the symbols of the program: it is given 0, "one list only", which it does not compare. To
// gdb 18 the dynamic linker of list 0 is another library than the one it knew from the start, and it gives up the break
// there at which it hears of further libraries: it is given the address.
#pragma once
#include <string>
#include <vector>

#include "gdbmi/rsp/target.h"

namespace fred::remote {

struct Library {
  std::string name;
  u64 map = 0, base = 0, dynamic = 0;  // addresses of the dynamic linker's link_map, of the library, of its .dynamic
  bool operator==(const Library&) const = default;
};

/// Empty for a static program, and as long as the dynamic linker has not made its list.
struct LibraryList {
  u64 main_map = 0, rendezvous = 0;  // addresses: the program's own link_map, the list's r_debug
  std::vector<Library> libraries;
};
Result<LibraryList> library_list(Target& target);

/// The document that gdb's library-list-svr4.dtd describes.
enum class ListName { none, address };
std::string library_xml(const LibraryList& list, ListName name);

/// All libraries of `list` are in `known`. One that is known and not there does no harm: nothing lies at its addresses.
bool are_known(const LibraryList& list, const LibraryList& known);

}  // namespace fred::remote
