// Times as text, places, the command log.

#include <cstdio>
#include <string>

#include "reverse/timeline/command_log.h"
#include "reverse/timeline/places.h"
#include "reverse/timeline/time_text.h"

#include <unistd.h>

#include "test.h"

using namespace fred;

namespace {
Time at(u64 ticks, u64 pc = 0x401000, u64 rest = 0, u8 phase = 0) { return {ticks, GuestAddr{pc}, rest, phase}; }
}  // namespace

TEST_CASE("Times are printed and parsed alike") {
  for (const Time& t : {at(0, 0), at(812), at(3, 0x7fffffffe000, 5), at(7, 0x10, 0, 1), at(~u64{0}, ~u64{0}, 9, 1)}) {
    CHECK(parse_time(print_time(t)).value() == t);
    CHECK(std::get<Time>(parse_time_text(print_time(t)).value()) == t);
  }
  CHECK(print_time(at(812, 0x401136)) == "812:0x401136");
  CHECK(print_time(at(812, 0x401136, 3, 1)) == "812:0x401136+3!");
  CHECK(parse_time_text("12").value() == TimeText{TicksFromStart{12}});
  CHECK(parse_time_text("-12").value() == TimeText{TicksBack{12}});
  CHECK(parse_time_text("43%").value() == TimeText{PartOfHistory{430'000}});
  CHECK(parse_time_text("0.5%").value() == TimeText{PartOfHistory{5'000}});
  CHECK(parse_time_text("100%").value() == TimeText{PartOfHistory{1'000'000}});
  CHECK(parse_time_text("start").value() == TimeText{HistoryEdge::start});
  CHECK(parse_time_text("end").value() == TimeText{HistoryEdge::end});
  for (const char* bad :
       {"",       "x",  "12:",   "12:401000", "12:0x", "12:0x10+", "12:0x10+0", "12:0xg", "1e3", "101%",
        "100.1%", "%",  "1.%",   "1.23456%",  "-",     "--1",      "+1",        " 1",     "1 ",  "18446744073709551616",
        "!",      "1!", "start "}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_time_text(bad));
  }
}

TEST_CASE("Visited places go back and forward as in a browser") {
  VisitedPlaces places;
  CHECK_FALSE(places.back());
  CHECK_FALSE(places.forward());
  for (u64 n = 1; n <= 4; ++n) places.visit(at(n));
  places.visit(at(4));
  CHECK(places.back().value() == at(3));
  CHECK(places.back(2).value() == at(1));
  CHECK_FALSE(places.back());
  CHECK(places.forward(2).value() == at(3));
  places.visit(at(9));
  CHECK_FALSE(places.forward());
  CHECK(places.back(3).value() == at(1));
  CHECK(places.here() == at(1));
}

TEST_CASE("Undo gives the state before the last commands, or changes nothing") {
  UndoHistory undo;
  CHECK_FALSE(undo.undo());
  undo.moved(at(1), "next");
  undo.moved(at(2), "step");
  undo.moved(at(3), "finish");
  CHECK_FALSE(undo.undo(4));
  CHECK_FALSE(undo.undo(0));
  CHECK(undo.undo(2)->time == at(2));
  CHECK(undo.undo()->command == "next");
  CHECK(undo.size() == 0);
}

TEST_CASE("Bookmarks: names, and automatic ones for stops") {
  Bookmarks marks;
  CHECK(marks.set("crash", at(9)));
  CHECK(marks.set("crash", at(8)));
  CHECK(marks.find("crash").value() == at(8));
  for (const char* bad : {"", "12", "5%", "end", "-3", "a b", "1:0x10"}) CHECK_FALSE(marks.set(bad, at(1)));
  const std::string first = marks.add_automatic(at(5), "Breakpoint 1");
  CHECK(marks.add_automatic(at(5), "again") == first);
  CHECK(marks.all().size() == 2);
  CHECK(marks.all().front().note == "again");
  for (u64 n = 100; n < 300; ++n) marks.add_automatic(at(n), "");
  CHECK(marks.all().size() == 101);
  CHECK(marks.find("crash"));
  CHECK_FALSE(marks.find(first));
  CHECK(marks.remove("crash"));
  CHECK_FALSE(marks.remove("crash"));
}

TEST_CASE("Checkpoints keep their numbers") {
  Checkpoints points;
  CHECK(points.add(at(1)) == 1);
  CHECK(points.add(at(2)) == 2);
  CHECK(points.remove(1));
  CHECK_FALSE(points.find(1));
  CHECK(points.add(at(3)) == 3);
  CHECK(points.find(2).value() == at(2));
}

TEST_CASE("The command log is JSON lines") {
  CommandLog log;
  log.add({"break main", {}, {}, ""});
  log.add({"reverse-next", at(812, 0x401136), at(790, 0x401120, 0, 1), "arrived"});
  log.add({"print \"\xff\n\"", {}, {}, ""});
  const Result<CommandLog> again = CommandLog::parse(log.text(), "log");
  REQUIRE(again);
  REQUIRE(again->commands().size() == 3);
  CHECK(again->commands()[1] == log.commands()[1]);
  CHECK(CommandLog::parse("\n{\"command\":\"x\",\"more\":1}\n\n", "log")->commands().size() == 1);
  for (const char* bad : {"{}", "[]", "x", "{\"command\":1}", "{\"command\":\"x\",\"from\":\"soon\"}",
                          "{\"command\":\"x\"", "{\"command\":\"x\",\"end\":1}"}) {
    CAPTURE(bad);
    const Result<CommandLog> corrupt = CommandLog::parse("{\"command\":\"x\"}\n" + std::string(bad) + "\n", "my.log");
    REQUIRE_FALSE(corrupt);
    CHECK(corrupt.error().message.starts_with("my.log:2: "));
  }
  CHECK(CommandLog::parse_line("x").error().message == "no JSON object");
  const std::string path = "/tmp/fred-command-log-" + std::to_string(getpid());
  CHECK(log.save(path));
  CHECK(CommandLog::load(path)->commands().size() == 3);
  std::remove(path.c_str());
  CHECK_FALSE(CommandLog::load(path));
  CHECK_FALSE(log.save("/no/such/folder/log"));
}
