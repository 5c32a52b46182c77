// Documents that gdb reads: threads and libraries have names that anybody may have given them.

#include "gdbmi/rsp/library_list.h"
#include "gdbmi/rsp/xml.h"
#include "test.h"

namespace fred::remote {

TEST_CASE("rsp: text in XML") {
  CHECK(xml_attribute("a<b>&\"c'") == "a&lt;b>&amp;&quot;c'");
  CHECK(xml_attribute("two\nlines\tand \x01") == "two&#10;lines&#9;and ?");
  CHECK(xml_attribute("\xc3\xa4") == "\xc3\xa4");
}

TEST_CASE("rsp: libraries that gdb knows") {
  const Library one{.name = "/lib/a<b>.so", .map = 0x10, .base = 0x1000, .dynamic = 0x1800};
  const Library other{.name = "/lib/c.so", .map = 0x20, .base = 0x5000, .dynamic = 0x5800};
  const LibraryList none, both{.main_map = 8, .libraries = {one, other}};
  CHECK(library_xml(none, ListName::none) == "<library-list-svr4 version=\"1.0\"></library-list-svr4>");
  CHECK(library_xml({.main_map = 8, .libraries = {one}}, ListName::none) ==
        "<library-list-svr4 version=\"1.0\" main-lm=\"0x8\"><library lmid=\"0x0\" name=\"/lib/a&lt;b>.so\" "
        "lm=\"0x10\" l_addr=\"0x1000\" l_ld=\"0x1800\"/></library-list-svr4>");
  CHECK(library_xml({.main_map = 8, .rendezvous = 0x40, .libraries = {one}}, ListName::address)
            .contains("lmid=\"0x40\""));
  // Fewer than it knows do no harm; the same one elsewhere is another.
  CHECK(are_known(none, both));
  CHECK(are_known({.main_map = 8, .libraries = {other}}, both));
  CHECK(!are_known(both, none));
  Library moved = one;
  moved.base = 0x2000;
  CHECK(!are_known({.main_map = 8, .libraries = {moved}}, both));
}

}  // namespace fred::remote
