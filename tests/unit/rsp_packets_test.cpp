// Packets as values: what gdb sends, and what nobody should.

#include <random>

#include "gdbmi/rsp/packets.h"
#include "test.h"

namespace fred::remote {

namespace {
template <class T>
T parsed(std::string_view data) {
  const auto packet = parse_packet(data);
  const auto* value = std::get_if<T>(&packet);
  CAPTURE(data);
  REQUIRE(value != nullptr);
  return *value;
}
template <class T>
bool is(std::string_view data) {
  return std::holds_alternative<T>(parse_packet(data));
}
ResumeAction action(ResumeAction::Kind kind) {
  ResumeAction a;
  a.kind = kind;
  return a;
}
}  // namespace

TEST_CASE("rsp: registers and memory") {
  CHECK(is<ReadRegisters>("g"));
  CHECK(parsed<WriteRegisters>("G01ff").bytes == std::vector<u8>{1, 0xff});
  CHECK(parsed<ReadRegister>("p1f").number == 0x1f);
  CHECK(parsed<WriteRegister>("P10=00ff").bytes == std::vector<u8>{0, 0xff});
  CHECK(parsed<ReadMemory>("m7fff0000,40") == ReadMemory{GuestAddr{0x7fff0000}, 0x40});
  CHECK(parsed<ReadMemoryBinary>("x10,4") == ReadMemoryBinary{GuestAddr{0x10}, 4});
  CHECK(parsed<WriteMemory>("M10,2:abcd") == WriteMemory{GuestAddr{0x10}, {0xab, 0xcd}});
  CHECK(parsed<WriteMemoryBinary>(std::string_view("X10,3:\0#$", 9)).bytes == std::vector<u8>{0, '#', '$'});
  CHECK(parsed<WriteMemoryBinary>("X10,0:").bytes.empty());
  CHECK(parsed<SearchMemory>("qSearch:memory:1000;200;a;b").pattern == std::vector<u8>{'a', ';', 'b'});
  for (const auto* wrong : {"G0", "P10", "P10=0", "m", "m10", "m10,", "m10,4x", "M10,2:ab", "M10,1:zz", "X10,4:abc",
                            "p", "m123456789abcdef01,1", "qSearch:memory:1000;200;"}) {
    CAPTURE(wrong);
    CHECK(is<Malformed>(wrong));
  }
}

TEST_CASE("rsp: threads") {
  CHECK(parsed<SelectThread>("Hgp1f.20") == SelectThread{'g', {0x1f, 0x20}});
  CHECK(parsed<SelectThread>("Hc-1") == SelectThread{'c', {ThreadSpec::any, ThreadSpec::all}});
  CHECK(parsed<SelectThread>("Hgp5.-1") == SelectThread{'g', {5, ThreadSpec::all}});
  CHECK(parsed<ThreadAlive>("Tp5") == ThreadAlive{{5, ThreadSpec::all}});
  CHECK(is<Malformed>("Hx1"));
  CHECK(is<Malformed>("Hgp1."));
}

TEST_CASE("rsp: going") {
  using Kind = ResumeAction::Kind;
  const auto two = parsed<Resume>("vCont;r401000,401010:p1.1;C0b").actions;
  REQUIRE(two.size() == 2);
  CHECK(two[0].kind == Kind::step_range);
  CHECK(two[0].range == GuestRange{GuestAddr{0x401000}, GuestAddr{0x401010}});
  CHECK(two[0].thread == ThreadSpec{1, 1});
  CHECK(two[1].signal == 11);
  CHECK(parsed<Resume>("vCont;s").actions == std::vector{action(Kind::step)});
  CHECK(is<WhichActions>("vCont?"));
  CHECK(is<StepBackwards>("bs"));
  CHECK(is<ContinueBackwards>("bc"));
  CHECK(parsed<ContinueAt>("c").at == std::nullopt);
  CHECK(parsed<StepWithSignal>("S05;10") == StepWithSignal{5, GuestAddr{0x10}});
  CHECK(parsed<InsertPoint>("Z2,7ffe10,8").point == Point{PointKind::write_watch, GuestAddr{0x7ffe10}, 8});
  CHECK(parsed<RemovePoint>("z0,401136,1").point.kind == PointKind::software_break);
  CHECK(parsed<CatchSyscalls>("QCatchSyscalls:1;0;3b").numbers == std::vector<u32>{0, 0x3b});
  CHECK(!parsed<CatchSyscalls>("QCatchSyscalls:0").on);
  CHECK(parsed<PassSignals>("QPassSignals:e;14;").signals == std::vector<u8>{0xe, 0x14});
  for (const auto* wrong : {"vCont;", "vCont;q", "vCont;r1:1", "vCont;C", "vCont;C123", "Z9,1,1", "Z0,1", "C", "bx",
                            "QCatchSyscalls:2", "QNonStop:2"}) {
    CAPTURE(wrong);
    CHECK((is<Malformed>(wrong) || is<Unknown>(wrong)));
  }
}

TEST_CASE("rsp: starting a program") {
  CHECK(parsed<Run>("vRun;2f62696e2f6c73;2d6c;;6120") == Run{"/bin/ls", {"-l", "", "a "}});
  CHECK(parsed<Run>("vRun;").program.empty());
  CHECK(is<Malformed>("vRun;2"));
  CHECK(is<Malformed>("vRun;2f;zz"));
}

TEST_CASE("rsp: questions, settings and files") {
  CHECK(parsed<Supported>("qSupported:multiprocess+;xmlRegisters=i386").features ==
        std::vector<std::string>{"multiprocess+", "xmlRegisters=i386"});
  CHECK(parsed<Transfer>("qXfer:features:read:target.xml:0,ffb") == Transfer{"features", "target.xml", 0, 0xffb});
  CHECK(parsed<Transfer>("qXfer:auxv:read::0,1000").annex.empty());
  CHECK(parsed<Transfer>("qXfer:siginfo:write::10:a:b").written == std::vector<u8>{'a', ':', 'b'});
  CHECK(parsed<Transfer>("qXfer:siginfo:write::10:a").offset == 0x10);
  CHECK(is<Malformed>("qXfer:siginfo:write::0"));
  CHECK(parsed<Monitor>("qRcmd,68656c70").command == "help");
  CHECK(parsed<Symbol>("qSymbol::").name.empty());
  CHECK(parsed<Symbol>("qSymbol:1f:61").value == GuestAddr{0x1f});
  CHECK(parsed<Symbol>("qSymbol::61").value == std::nullopt);
  CHECK(parsed<ThreadLocal>("qGetTLSAddr:p1.1,10,7ffff7fc9000").link_map == GuestAddr{0x7ffff7fc9000});
  CHECK(parsed<SetVariable>("QEnvironmentHexEncoded:413d62").assignment == "A=b");
  CHECK(is<Malformed>("QEnvironmentHexEncoded:41"));
  CHECK(parsed<FileOpen>("vFile:open:2f61,0,1c0") == FileOpen{"/a", 0, 0x1c0});
  CHECK(parsed<FileRead>("vFile:pread:5,1000,20") == FileRead{5, 0x1000, 0x20});
  CHECK(is<Unknown>("vMustReplyEmpty"));
  CHECK(is<Unknown>(""));
  CHECK(is<Unknown>("vFile:unlink:2f61"));
}

TEST_CASE("rsp: bad input gives values that say so, never anything worse") {
  const std::vector<std::string> seeds = {"vCont;r401000,401010:p1.1;c:p1.-1",
                                          "M10,2:abcd",
                                          "X10,3:abc",
                                          "Z2,7ffe10,8",
                                          "qXfer:features:read:target.xml:0,ffb",
                                          "vRun;2f;61;",
                                          "Hgp1f.20",
                                          "QCatchSyscalls:1;0;3b",
                                          "qGetTLSAddr:p1.1,10,7f",
                                          "vFile:open:2f61,0,1c0",
                                          "qSymbol:1f:61",
                                          "QPassSignals:e;14",
                                          "S05;10",
                                          "P10=00ff"};
  std::mt19937 random(3);
  for (int i = 0; i < 200000; ++i) {
    std::string data = seeds[random() % seeds.size()];
    for (unsigned k = 1 + random() % 4; k > 0 && !data.empty(); --k) {
      const auto at = random() % data.size();
      switch (random() % 3) {
        case 0:
          data[at] = static_cast<char>(random());
          break;
        case 1:
          data.erase(at, 1 + random() % 5);
          break;
        default:
          data.insert(at, 1, ";:,.-pf0"[random() % 8]);
          break;
      }
    }
    (void)parse_packet(data);
  }
}

}  // namespace fred::remote
