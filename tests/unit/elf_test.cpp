#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/elf/initial_stack.h"
#include "core/memory/layout.h"
#include "memory_engine.h"
#include "temporary_folder.h"
#include "test.h"

using namespace fred;
using test::MemoryEngine;
using test::TemporaryFolder;

namespace {

constexpr int rw = PROT_READ | PROT_WRITE;

/// A small ELF file made by hand: one header page, text, data with bss.
struct ElfBuilder {
  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  std::string contents = std::string(3 * page_size, '\0');
  std::string interpreter;

  explicit ElfBuilder(u16 type = ET_DYN, u64 base = 0) {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = type;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_entry = base + page_size + 0x10;
    add(PF_R, 0, base, page_size, page_size);
    add(PF_R | PF_X, page_size, base + page_size, page_size, page_size);
    add(PF_R | PF_W, 2 * page_size + 0x100, base + 3 * page_size + 0x100, 0x200, 0x200 + 2 * page_size);
    for (u64 i = page_size; i < contents.size(); ++i) contents[i] = static_cast<char>('a' + i % 23);
  }
  Elf64_Phdr& add(u32 flags, u64 offset, u64 vaddr, u64 file_size, u64 memory_size, u32 type = PT_LOAD) {
    Elf64_Phdr p{};
    p.p_type = type;
    p.p_flags = flags;
    p.p_offset = offset;
    p.p_vaddr = vaddr;
    p.p_filesz = file_size;
    p.p_memsz = memory_size;
    p.p_align = page_size;
    segments.push_back(p);
    return segments.back();
  }
  std::string bytes() {
    if (!interpreter.empty()) {
      add(PF_R, 0x800, 0x800, interpreter.size() + 1, interpreter.size() + 1, PT_INTERP);
      std::memcpy(contents.data() + 0x800, interpreter.c_str(), interpreter.size() + 1);
      interpreter.clear();
    }
    header.e_phnum = static_cast<u16>(segments.size());
    std::memcpy(contents.data(), &header, sizeof header);
    std::memcpy(contents.data() + sizeof header, segments.data(), segments.size() * sizeof segments[0]);
    return contents;
  }
};

std::string executable(const TemporaryFolder& folder, const std::string& name, const std::string& contents) {
  const std::string path = folder.file(name, contents);
  REQUIRE(chmod(path.c_str(), 0755) == 0);
  return path;
}

Result<ElfFile> parse(const TemporaryFolder& folder, const std::string& contents) {
  const std::string path = folder.file("elf", contents);
  const UniqueFd fd{open(path.c_str(), O_RDONLY)};
  return read_elf(fd.get(), "PROG");
}

void check_refused(const TemporaryFolder& folder, const std::string& contents, const char* why, int code = ENOEXEC) {
  const auto elf = parse(folder, contents);
  CAPTURE(why);
  REQUIRE_FALSE(elf.has_value());
  CHECK(elf.error().code == code);
  CHECK(elf.error().message.starts_with("PROG: "));
  CHECK(elf.error().message.find(why) != std::string::npos);
  CHECK(elf.error().message.find('\n') == std::string::npos);
}

Result<OpenPlan> plan_for(Engine& engine, const std::string& path, std::vector<std::string> args = {}) {
  auto program = open_program(path, std::move(args));
  if (!program) return std::unexpected(program.error());
  return make_load_plan(engine, std::move(*program));
}

u64 word(GuestAddr at) { return *at.ptr<u64>(); }

}  // namespace

TEST_CASE("elf: headers are read") {
  TemporaryFolder folder;
  ElfBuilder builder;
  builder.interpreter = "/lib64/ld-linux-x86-64.so.2";
  builder.add(PF_R | PF_W | PF_X, 0, 0, 0, 0, PT_GNU_STACK);
  builder.segments[2].p_align = 0x200000;
  const auto elf = parse(folder, builder.bytes());
  REQUIRE(elf.has_value());
  CHECK(elf->position_independent);
  CHECK(elf->entry == page_size + 0x10);
  CHECK(elf->interpreter == "/lib64/ld-linux-x86-64.so.2");
  CHECK(elf->exec_stack);
  CHECK(elf->headers_vaddr == sizeof(Elf64_Ehdr));
  CHECK(elf->header_count == 5);
  REQUIRE(elf->segments.size() == 3);
  CHECK(elf->segments[1].prot == (PROT_READ | PROT_EXEC));
  CHECK(elf->segments[2].memory_size == 0x200 + 2 * page_size);
  CHECK(elf->span() == 6 * page_size);
  CHECK(elf->largest_align() == 0x200000);
  CHECK_FALSE(parse(folder, ElfBuilder().bytes())->exec_stack);
}

TEST_CASE("elf: what cannot run is refused with a reason") {
  TemporaryFolder folder;
  const auto changed = [](auto&& change) {
    ElfBuilder builder;
    change(builder);
    return builder.bytes();
  };
  const std::string good = ElfBuilder().bytes();
  check_refused(folder, "", "not an ELF program");
  check_refused(folder, "hello", "not an ELF program");
  check_refused(folder, good.substr(0, 40), "truncated");
  check_refused(folder, good.substr(0, 100), "truncated");
  check_refused(folder, good.substr(0, 2 * page_size), "truncated");
  check_refused(folder, changed([](auto& b) { b.header.e_ident[EI_CLASS] = ELFCLASS32; }), "32-bit");
  check_refused(folder, changed([](auto& b) { b.header.e_ident[EI_CLASS] = 7; }), "corrupt");
  check_refused(folder, changed([](auto& b) { b.header.e_ident[EI_DATA] = ELFDATA2MSB; }), "big-endian");
  check_refused(folder, changed([](auto& b) { b.header.e_machine = EM_AARCH64; }), "another processor");
  check_refused(folder, changed([](auto& b) { b.header.e_type = ET_REL; }), "not a program");
  check_refused(folder, changed([](auto& b) { b.header.e_phentsize = 1; }), "corrupt");
  check_refused(folder, changed([](auto& b) { b.segments.clear(); }), "corrupt");
  check_refused(folder, changed([](auto& b) { b.segments[2].p_memsz = 1; }), "segment sizes");
  check_refused(folder, changed([](auto& b) { b.segments[2].p_memsz = ~u64{0}; }), "segment sizes");
  check_refused(folder, changed([](auto& b) { b.segments[2].p_vaddr += 1; }), "alignment");
  check_refused(folder, changed([](auto& b) { std::swap(b.segments[1], b.segments[2]); }), "out of order");
  check_refused(folder, changed([](auto& b) { b.add(PF_R, 0x800, 0, 4096 * 2, 0, PT_INTERP); }), "interpreter");
  check_refused(folder, changed([](auto& b) { b.add(PF_R, page_size, 0, 9, 0, PT_INTERP); }), "interpreter");
  check_refused(folder, changed([](auto& b) {
                  for (auto& s : b.segments) s.p_type = PT_NOTE;
                }),
                "nothing to load");
  // No byte of the headers can make the reader crash.
  for (std::size_t i = 0; i < sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr); ++i) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xff);
    parse(folder, damaged);
  }
}

TEST_CASE("elf: a program is loaded as the kernel does") {
  TemporaryFolder folder;
  for (const Mode mode : {Mode::run, Mode::record}) {
    for (const bool fixed : {false, true}) {
      CAPTURE(fixed);
      MemoryEngine engine(mode, folder.path());
      const u64 base = fixed ? 0x400000 : 0;
      const std::string path = executable(folder, "prog", ElfBuilder(fixed ? ET_EXEC : ET_DYN, base).bytes());
      const auto plan = plan_for(engine, path, {"prog"});
      REQUIRE_MESSAGE(plan.has_value(), plan.error().message);
      const auto loaded = apply_load_plan(engine, *plan, {});
      REQUIRE_MESSAGE(loaded.has_value(), loaded.error().message);
      const GuestAddr at = fixed ? GuestAddr{base} : layout::pie_base;
      CHECK(loaded->start == at + page_size + 0x10);
      CHECK(loaded->entry == loaded->start);
      CHECK(loaded->headers == at + sizeof(Elf64_Ehdr));
      CHECK(loaded->interpreter_base == GuestAddr{});
      struct stat st {};
      stat(path.c_str(), &st);
      const auto line = [&](u64 first, u64 last, const char* bits, u64 offset, bool file) {
        Mapping m;
        m.range = {at + first * page_size, at + last * page_size};
        m.offset = offset;
        m.prot = static_cast<u8>((bits[0] == 'r') | (bits[1] == 'w') << 1 | (bits[2] == 'x') << 2);
        if (file) m.file = std::make_shared<MappedFile>(MappedFile{.path = path, .dev = st.st_dev, .ino = st.st_ino});
        return maps_line(m, file ? path : "");
      };
      CHECK(engine.memory().maps_text() == line(0, 1, "r--", 0, true) + line(1, 2, "r-x", page_size, true) +
                                               line(3, 4, "rw-", 2 * page_size, true) + line(4, 6, "rw-", 0, false));
      CHECK(engine.memory().brk() == at + 6 * page_size);
      const std::string contents = ElfBuilder().contents;
      const GuestAddr data = at + 3 * page_size + 0x100;
      CHECK(std::memcmp(data.ptr(), contents.data() + 2 * page_size + 0x100, 0x200) == 0);
      for (u64 i = 0x200; i < 0x200 + 2 * page_size; ++i) REQUIRE((data + i).ptr<char>()[0] == 0);
      CHECK(engine.mapped == std::vector{guest_range(at + page_size, page_size)});
      // The heap goes on from here and is its own mapping or the bss's.
      CHECK(engine.memory().set_brk(at + 8 * page_size) == at + 8 * page_size);
    }
  }
}

TEST_CASE("elf: alignment and interpreter and vDSO") {
  TemporaryFolder folder;
  MemoryEngine engine;
  ElfBuilder interpreter;
  interpreter.segments[1].p_align = 0x10000;
  ElfBuilder program;
  program.interpreter = executable(folder, "ld.so", interpreter.bytes());
  program.segments[1].p_align = 0x200000;
  const auto plan = plan_for(engine, executable(folder, "prog", program.bytes()));
  REQUIRE_MESSAGE(plan.has_value(), plan.error().message);
  const std::vector<u8> vdso(100, 0x42);
  const auto loaded = apply_load_plan(engine, *plan, vdso);
  REQUIRE_MESSAGE(loaded.has_value(), loaded.error().message);
  CHECK(loaded->entry == layout::pie_base + page_size + 0x10);
  CHECK(loaded->interpreter_base.value % 0x10000 == 0);
  CHECK(loaded->interpreter_base > layout::stack_top - (u64{1} << 30));
  CHECK(loaded->start == loaded->interpreter_base + page_size + 0x10);
  CHECK(engine.memory().brk() == layout::pie_base + 6 * page_size);
  CHECK(loaded->vdso.ptr<u8>()[99] == 0x42);
  const Mapping* m = engine.memory().table().find(loaded->vdso);
  REQUIRE(m);
  CHECK(m->prot == (PROT_READ | PROT_EXEC));
  CHECK(mapping_name(*m, engine.memory().names()) == "[vdso]");
}

TEST_CASE("elf: a plan goes through bytes") {
  TemporaryFolder folder;
  MemoryEngine engine(Mode::record, folder.path());
  ElfBuilder program;
  program.interpreter = executable(folder, "ld.so", ElfBuilder().bytes());
  const std::string path = executable(folder, "a-program-with-a-long-name", program.bytes());
  auto open = plan_for(engine, path, {"one", "", "three"});
  REQUIRE_MESSAGE(open.has_value(), open.error().message);
  CHECK(open->plan.comm == "a-program-with-");
  CHECK(open->plan.exe == path);
  const auto bytes = open->plan.serialise();
  auto copy = LoadPlan::deserialise(bytes);
  REQUIRE(copy.has_value());
  CHECK(copy->serialise() == bytes);
  CHECK(copy->args == std::vector<std::string>{"one", "", "three"});
  const auto first = apply_load_plan(engine, *open, {});
  REQUIRE(first.has_value());
  const std::string text = engine.memory().maps_text();
  engine.memory().clear_guest();

  // A worker has the bytes only; the program may be gone or another one by then.
  std::filesystem::remove(path);
  engine.set_mode(Mode::replay);
  OpenPlan in_worker;
  in_worker.plan = std::move(*copy);
  const auto second = apply_load_plan(engine, in_worker, {});
  REQUIRE_MESSAGE(second.has_value(), second.error().message);
  CHECK(engine.memory().maps_text() == text);
  CHECK(second->start == first->start);
  CHECK(std::memcmp((second->entry - 0x10).ptr(), ElfBuilder().contents.data() + page_size, page_size) == 0);
  for (std::size_t cut = 0; cut < bytes.size(); cut += 3)
    REQUIRE_FALSE(LoadPlan::deserialise(std::span<const u8>(bytes).first(cut)).has_value());
}

TEST_CASE("elf: errors of loading leave the guest alone") {
  TemporaryFolder folder;
  MemoryEngine engine;
  ElfBuilder no_interpreter;
  no_interpreter.interpreter = "/no/such/ld.so";
  auto failed = plan_for(engine, executable(folder, "a", no_interpreter.bytes()));
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == ENOENT);
  CHECK(failed.error().message.find("/no/such/ld.so") != std::string::npos);
  ElfBuilder bad_interpreter;
  bad_interpreter.interpreter = executable(folder, "bad", "not an interpreter at all");
  failed = plan_for(engine, executable(folder, "b", bad_interpreter.bytes()));
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == ELIBBAD);
  CHECK(engine.memory().maps_text().empty());

  // Addresses that the engine has are not for a program that insists on them.
  const GuestRange taken = guest_range(GuestAddr{0x403000}, page_size);
  REQUIRE(engine.memory().reserve_engine_at(taken));
  const auto plan = plan_for(engine, executable(folder, "c", ElfBuilder(ET_EXEC, 0x400000).bytes()));
  REQUIRE(plan.has_value());
  const auto loaded = apply_load_plan(engine, *plan, {});
  REQUIRE_FALSE(loaded.has_value());
  CHECK(loaded.error().message.find("addresses that the engine itself uses") != std::string::npos);
  engine.memory().release_engine(taken);
}

TEST_CASE("initial stack: laid out as the kernel does") {
  TemporaryFolder folder;
  MemoryEngine engine;
  const auto plan = plan_for(engine, executable(folder, "prog", ElfBuilder().bytes()), {"prog", "second argument"});
  REQUIRE(plan.has_value());
  const std::vector<u8> vdso(16);
  const auto loaded = apply_load_plan(engine, *plan, vdso);
  REQUIRE(loaded.has_value());
  for (int extra = 0; extra < 18; ++extra) {
    CAPTURE(extra);
    GuestProcess& process = engine.process();
    process.args = plan->plan.args;
    process.env = {"HOME=/", "X=" + std::string(static_cast<std::size_t>(extra), 'y')};
    StackInputs inputs;
    inputs.uid = 1;
    inputs.euid = 2;
    inputs.gid = 3;
    inputs.egid = 4;
    inputs.hwcap = 0x1234;
    inputs.hwcap2 = 2;
    for (u8 i = 0; i < 16; ++i) inputs.random[i] = i;
    const auto made = make_initial_stack(engine, plan->plan, *loaded, inputs);
    REQUIRE_MESSAGE(made.has_value(), made.error().message);
    const GuestAddr sp = *made;
    CHECK(sp.value % 16 == 0);
    CHECK(word(sp) == 2);
    CHECK(std::string(GuestAddr{word(sp + 8)}.ptr<char>()) == "prog");
    CHECK(std::string(GuestAddr{word(sp + 16)}.ptr<char>()) == "second argument");
    CHECK(word(sp + 24) == 0);
    CHECK(std::string(GuestAddr{word(sp + 32)}.ptr<char>()) == "HOME=/");
    CHECK(std::string(GuestAddr{word(sp + 40)}.ptr<char>()) == process.env[1]);
    CHECK(word(sp + 48) == 0);
    std::vector<u64> order;
    const auto value = [&](u64 type) -> u64 {
      for (GuestAddr at = sp + 56; word(at) != AT_NULL; at = at + 16)
        if (word(at) == type) return word(at + 8);
      return ~u64{0};
    };
    for (GuestAddr at = sp + 56; word(at) != AT_NULL; at = at + 16) order.push_back(word(at));
    CHECK(order == std::vector<u64>{AT_SYSINFO_EHDR, AT_MINSIGSTKSZ, AT_HWCAP,  AT_PAGESZ, AT_CLKTCK,
                                    AT_PHDR,         AT_PHENT,       AT_PHNUM,  AT_BASE,   AT_FLAGS,
                                    AT_ENTRY,        AT_UID,         AT_EUID,   AT_GID,    AT_EGID,
                                    AT_SECURE,       AT_RANDOM,      AT_HWCAP2, AT_EXECFN, AT_PLATFORM});
    CHECK(value(AT_SYSINFO_EHDR) == loaded->vdso.value);
    CHECK(value(AT_PHDR) == loaded->headers.value);
    CHECK(value(AT_ENTRY) == loaded->entry.value);
    CHECK(value(AT_EGID) == 4);
    CHECK(std::memcmp(GuestAddr{value(AT_RANDOM)}.ptr(), inputs.random.data(), 16) == 0);
    CHECK(std::string(GuestAddr{value(AT_PLATFORM)}.ptr<char>()) == "x86_64");
    const std::string path = GuestAddr{value(AT_EXECFN)}.ptr<char>();
    CHECK(path == plan->plan.execfn);
    CHECK(value(AT_EXECFN) + path.size() + 1 == layout::stack_top.value - 8);
    CHECK(process.auxv.size() == (order.size() + 1) * 16);
    CHECK(std::memcmp(process.auxv.data(), (sp + 56).ptr(), process.auxv.size()) == 0);
    CHECK(std::string(process.args_area.begin.ptr<char>(), process.args_area.size()) ==
          std::string("prog\0second argument\0", 21));
    CHECK(process.env_area.begin == process.args_area.end);
    CHECK(process.env_area.end.value == value(AT_EXECFN));
    // 128 KiB more than what is used, growing by itself beyond that.
    const Mapping* m = engine.memory().table().find(sp);
    REQUIRE(m);
    CHECK(m->prot == rw);
    CHECK(m->range.begin.value == page_floor(process.args_area.begin.value) - (128 << 10));
    *(m->range.begin - 5 * page_size).ptr<volatile u64>() = 1;
    CHECK(engine.memory().unmap(layout::stack_top - (u64{1} << 20), 1 << 20) == 0);
  }
}

TEST_CASE("initial stack: strings that are too large") {
  constexpr u64 stack = 8 << 20;
  const auto code = [](const Result<>& r) { return r ? 0 : r.error().code; };
  CHECK(code(check_string_sizes({"a"}, {"b"}, "c", stack)) == 0);
  CHECK(code(check_string_sizes({std::string(131071, 'a')}, {}, "c", stack)) == 0);
  CHECK(code(check_string_sizes({std::string(131072, 'a')}, {}, "c", stack)) == E2BIG);
  CHECK(code(check_string_sizes(std::vector<std::string>(20, std::string(100000, 'a')), {}, "c", stack)) == 0);
  CHECK(code(check_string_sizes(std::vector<std::string>(22, std::string(100000, 'a')), {}, "c", stack)) == E2BIG);
  CHECK(code(check_string_sizes({}, std::vector<std::string>(22, std::string(100000, 'a')), "c", stack)) == E2BIG);
}

TEST_CASE("program: found as a shell does") {
  TemporaryFolder folder;
  executable(folder, "tool", "x");
  folder.file("data", "x");
  std::filesystem::create_directory(folder.path() + "/a-folder");
  const std::string path = "/no/such/folder:" + folder.path() + ":/usr/bin";
  CHECK(find_program("tool", path.c_str()) == folder.path() + "/tool");
  CHECK(find_program("env", path.c_str()) == "/usr/bin/env");
  CHECK(find_program("env", nullptr) == "/usr/bin/env");
  CHECK(find_program("./x", path.c_str()) == "./x");
  const auto status = [&](const char* name) { return exit_status_for(find_program(name, path.c_str()).error()); };
  CHECK(status("nothing-of-that-name") == 127);
  CHECK(status("") == 127);
  CHECK(status("a-folder") == 127);
  // Root may not execute what nobody may execute.
  CHECK(status("data") == 126);
  CHECK(exit_status_for(open_program(folder.path() + "/a-folder", {}).error()) == 126);
  CHECK(exit_status_for(open_program(folder.path() + "/data", {}).error()) == 126);
  CHECK(exit_status_for(open_program(folder.path() + "/none", {}).error()) == 127);
  CHECK(open_program(folder.path() + "/data/x", {}).error().code == ENOTDIR);
}

TEST_CASE("program: scripts") {
  TemporaryFolder folder;
  const std::string prog = executable(folder, "prog", ElfBuilder().bytes());
  const auto args_of = [&](const std::string& text) {
    const std::string script = executable(folder, "script", text);
    const auto opened = open_program(script, {"name", "arg"});
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    CHECK(opened->path == prog);
    CHECK(opened->exe == prog);
    CHECK(opened->execfn == script);
    std::vector<std::string> args = opened->args;
    REQUIRE(args.size() >= 3);
    CHECK(args.front() == prog);
    CHECK(args.back() == "arg");
    CHECK(args[args.size() - 2] == script);
    args.erase(args.begin());
    args.resize(args.size() - 2);
    return args;
  };
  using Args = std::vector<std::string>;
  CHECK(args_of("#!" + prog + "\n") == Args{});
  CHECK(args_of("#! \t" + prog + " \t \n") == Args{});
  CHECK(args_of("#!" + prog) == Args{});
  CHECK(args_of("#!" + prog + " -x  two words \nrest") == Args{"-x  two words"});
  const auto code_of = [&](const std::string& text) {
    const auto opened = open_program(executable(folder, "script", text), {"name"});
    return opened ? 0 : opened.error().code;
  };
  CHECK(code_of("#!\n") == ENOEXEC);
  CHECK(code_of("#!   \n") == ENOEXEC);
  CHECK(code_of("#!" + std::string(300, 'x')) == ENOEXEC);
  CHECK(code_of("#!/no/such/interpreter\n") == ENOENT);
  CHECK(code_of("#!" + folder.path() + "/script\n") == ELOOP);
  CHECK(code_of("#!" + prog + " " + std::string(300, 'x') + "\n") == 0);  // the argument is cut

  std::string inner = prog;
  for (int level = 0; level < 6; ++level) {
    inner = executable(folder, "level" + std::to_string(level), "#!" + inner + "\n");
    const auto opened = open_program(inner, {"name"});
    CAPTURE(level);
    CHECK(opened.has_value() == (level < 5));
    if (opened) CHECK(opened->args.size() == static_cast<std::size_t>(level) + 2);
  }
  // No arguments at all: there is an empty one, as in current kernels.
  CHECK(open_program(prog, {})->args == Args{""});
}

TEST_CASE("program: other privileges are refused") {
  TemporaryFolder folder;
  const std::string prog = executable(folder, "prog", ElfBuilder().bytes());
  if (geteuid() != 0) {
    // A set-user-ID program of our own changes nothing and may run.
    REQUIRE(chmod(prog.c_str(), 04755) == 0);
    CHECK(open_program(prog, {}).has_value());
    return;
  }
  REQUIRE(chown(prog.c_str(), 12345, 12345) == 0);
  REQUIRE(chmod(prog.c_str(), 04755) == 0);
  const auto opened = open_program(prog, {});
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == EPERM);
  CHECK(opened.error().message.find("setuid") != std::string::npos);
  REQUIRE(chmod(prog.c_str(), 02755) == 0);
  CHECK(open_program(prog, {}).error().message.find("setgid") != std::string::npos);
  REQUIRE(chmod(prog.c_str(), 0755) == 0);
  CHECK(open_program(prog, {}).has_value());
}
