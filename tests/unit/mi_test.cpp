// gdbmi/mi: the parser on what gdb prints and on anything else; the driver on a socket whose other end is the test.
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <string>

#include "gdbmi/mi/driver.h"
#include "gdbmi/mi/parser.h"
#include "test.h"

using namespace fred;
using namespace fred::mi;

namespace {

template <class T>
T parsed(std::string_view line) {
  auto r = parse_record(line);
  REQUIRE_MESSAGE(r.has_value(), (r ? "" : r.error().message));
  REQUIRE(std::holds_alternative<T>(*r));
  return std::get<T>(*r);
}

const char* const samples[] = {
    "(gdb) ",
    "1^done",
    R"(6^done,frame={level="0",addr="0x1b2",func="main",file="list.c",line="12",arch="i386:x86-64"})",
    R"(7^done,completion="info b",matches=["info breakpoints","info bookmarks"],max_completions_reached="0")",
    R"(9^error,msg="Undefined info command: \"foo\".  Try \"help info\".")",
    R"(*stopped,reason="breakpoint-hit",disp="keep",bkptno="1",frame={addr="0x1",args=[{name="v",value="2"}]})",
    R"(=breakpoint-modified,bkpt={number="1",script={"silent","print 77"},thread-groups=["i1"]})",
    R"(^done,stack=[frame={level="0"},frame={level="1"}])",
    R"(~"Breakpoint 1, \303\244 main () at \"list.c\":12\n")",
    R"(&"Quit\n")",
    R"(@"\tx\\y\e[0m")",
    "*running,thread-id=\"all\"",
    "=thread-group-added,id=\"i1\"\r",
    "^running",
    "+download,{section=\".text\"}",
};

}  // namespace

TEST_CASE("MI: results") {
  const auto done = parsed<ResultRecord>(samples[2]);
  CHECK(done.token == Token{6});
  CHECK(done == ResultRecord::Class::done);
  REQUIRE(done.values.find("frame") != nullptr);
  CHECK(done.values.find("frame")->string("func") == "main");
  CHECK(done.values.find("frame")->string("none") == "");
  const auto error = parsed<ResultRecord>(samples[4]);
  CHECK(error == ResultRecord::Class::error);
  CHECK(error.values.string("msg") == "Undefined info command: \"foo\".  Try \"help info\".");
  CHECK_FALSE(parsed<ResultRecord>("^running").token.has_value());
}

TEST_CASE("MI: lists, with and without names") {
  const auto plain = parsed<ResultRecord>(samples[3]);
  const auto* matches = plain.values.find("matches");
  REQUIRE(matches != nullptr);
  REQUIRE(matches->members.size() == 2);
  CHECK(matches->members[1].value.text == "info bookmarks");
  const auto named = parsed<ResultRecord>(samples[7]);
  REQUIRE(named.values.find("stack")->members.size() == 2);
  CHECK(named.values.find("stack")->members[1].name == "frame");
  CHECK(named.values.find("stack")->members[1].value.string("level") == "1");
}

TEST_CASE("MI: events, and tuples whose members have no names") {
  const auto stopped = parsed<AsyncRecord>(samples[5]);
  CHECK(stopped.kind == AsyncRecord::Kind::exec);
  CHECK(stopped.what == "stopped");
  CHECK(stopped.values.string("reason") == "breakpoint-hit");
  const auto modified = parsed<AsyncRecord>(samples[6]);
  CHECK(modified.kind == AsyncRecord::Kind::notify);
  CHECK(modified.values.find("bkpt")->find("script")->members[1].value.text == "print 77");
  CHECK(parsed<AsyncRecord>(samples[12]).values.string("id") == "i1");
}

TEST_CASE("MI: text") {
  CHECK(parsed<StreamRecord>(samples[8]).text == "Breakpoint 1, \xc3\xa4 main () at \"list.c\":12\n");
  CHECK(parsed<StreamRecord>(samples[9]).kind == StreamRecord::Kind::log);
  CHECK(parsed<StreamRecord>(samples[10]).text == "\tx\\y\033[0m");
  parsed<PromptRecord>("(gdb)");
  parsed<PromptRecord>("(gdb) \r");
}

TEST_CASE("MI: what is no record is an error") {
  for (const char* line :
       {"", "hello", "12", "^", "^what", "^done,", "^done,x", "^done,x=", "^done,x={", "^done,x=[\"a\"", "~text",
        "~\"open", "~\"a\"b", "~\"\\", "*", "^done x", "^done,x=\"1\"y"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_record(line).has_value());
  }
  CHECK_FALSE(parse_record("^done,x=" + std::string(100000, '[')).has_value());
  CHECK_FALSE(parse_record("^done,x=" + std::string(100000, '{')).has_value());
}

TEST_CASE("MI: mutated records end in a record or an error") {
  std::mt19937 random(7);
  const std::string alphabet = "\"\\{}[]=,^*~&@+0123abc(gdb)\n\t\x80";
  for (int i = 0; i < 100000; ++i) {
    std::string line = samples[random() % std::size(samples)];
    for (auto n = random() % 4; n != 0; --n) {
      const auto at = random() % (line.size() + 1);
      switch (random() % 3) {
        case 0:
          line.insert(at, 1, alphabet[random() % alphabet.size()]);
          break;
        case 1:
          line.erase(at, random() % 5);
          break;
        default:
          line.resize(at);
      }
    }
    (void)parse_record(line);
  }
}

TEST_CASE("MI: quoting is undone by the parser") {
  const std::string text = "print \"a\\n\"\nb\\";
  CHECK(parsed<StreamRecord>("~" + quote(text)).text == text);
}

namespace {

/// A driver, and the end that gdb would have.
struct Line {
  asio::io_context io;
  UniqueFd gdb;
  std::unique_ptr<Driver> driver;
  Line() {
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    gdb = UniqueFd(fds[1]);
    driver = std::make_unique<Driver>(io, UniqueFd(fds[0]));
  }
  void say(std::string_view text) const {
    REQUIRE(write(gdb.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
};

}  // namespace

TEST_CASE("MI driver: results find their commands, text and events their handlers") {
  Line line;
  std::string events;
  line.driver->on_event([&](const AsyncRecord& e) { events += e.what + " "; });
  line.driver->on_text([&](const StreamRecord& t) { events += t.text + " "; });
  line.say("=one\n~\"text\"\n(gdb) \nrubbish\n2^done,x=\"b\"\n*two\n1^done,x=\"a\"\n");
  std::string first;
  line.driver->send("-first", [&](Result<ResultRecord> r) { first = r->values.string("x"); });
  const auto second = line.driver->ask("-second");
  REQUIRE(second.has_value());
  CHECK(second->string("x") == "b");
  while (first.empty()) line.io.run_one();
  CHECK(first == "a");
  CHECK(events == "one text two ");
}

TEST_CASE("MI driver: a handler may ask") {
  Line line;
  std::string inner;
  line.driver->on_event([&](const AsyncRecord&) { inner = line.driver->ask("-inner")->string("x"); });
  line.say("*stopped\n1^done,x=\"in\"\n");
  while (inner.empty()) line.io.run_one();
  CHECK(inner == "in");
  line.say("2^done,x=\"out\"\n");
  CHECK(line.driver->ask("-outer")->string("x") == "out");
}

TEST_CASE("MI driver: a refusal is an error, and what a console command prints is collected") {
  Line line;
  line.say("1^error,msg=\"no\"\n");
  CHECK(line.driver->ask("-first").error().message == "no");
  line.say("~\"a\"\n&\"log\"\n~\"b\"\n2^done\n");
  CHECK(line.driver->ask_console("show x").value() == "ab");
}

TEST_CASE("MI driver: when gdb is gone, everyone is told") {
  Line line;
  bool ended = false;
  line.driver->on_end([&] { ended = true; });
  std::signal(SIGPIPE, SIG_IGN);
  line.gdb.reset();
  CHECK(line.driver->ask("-first").error().message == "gdb is gone");
  CHECK(ended);
  CHECK_FALSE(line.driver->ask("-second").has_value());
}
