#include "core/elf/load_plan.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/raw_syscall.h"
#include "core/memory/bytes.h"
#include "core/memory/guest_memory.h"

namespace fred {

namespace {

constexpr u32 plan_version = 1;

void put(ByteWriter& w, const LoadImage& image) {
  const ElfFile& e = image.elf;
  w.put(e.position_independent).put(e.entry).put(e.headers_vaddr).put(e.header_count).put(e.exec_stack);
  w.put(e.interpreter).put<u64>(e.segments.size());
  for (const auto& s : e.segments) w.put(s);
  image.file.write(w);
}

void get(ByteReader& r, LoadImage& image) {
  ElfFile& e = image.elf;
  r.get(e.position_independent).get(e.entry).get(e.headers_vaddr).get(e.header_count).get(e.exec_stack);
  r.get(e.interpreter);
  for (u64 n = r.get<u64>(); n > 0 && r.ok(); --n) e.segments.push_back(r.get<ElfSegment>());
  image.file.read(r);
}

/// Where the bytes of an image come from, mapped as a whole.
Result<MappedFile> source_of(Engine& engine, int fd, const std::string& path) {
  struct stat st {};
  raw_syscall(SYS_fstat, static_cast<u64>(fd), reinterpret_cast<u64>(&st));
  const FileUse use{.offset = 0, .size = static_cast<u64>(st.st_size), .prot = PROT_READ | PROT_EXEC};
  auto found = engine.memory().sources().describe(fd, use);
  if (!found) return fail_errno(static_cast<int>(-found.error()), path);
  return std::move(found->file);
}

}  // namespace

std::vector<u8> LoadPlan::serialise() const {
  ByteWriter w;
  w.put(plan_version);
  put(w, executable);
  w.put<u8>(interpreter.has_value());
  if (interpreter) put(w, *interpreter);
  w.put(exe).put(execfn).put(comm).put(exec_stack).put<u64>(args.size());
  for (const auto& a : args) w.put(a);
  return w.take();
}

Result<LoadPlan> LoadPlan::deserialise(std::span<const u8> bytes) {
  ByteReader r(bytes);
  LoadPlan plan;
  if (r.get<u32>() != plan_version) return fail("a program's load plan of another version");
  get(r, plan.executable);
  if (r.get<u8>()) get(r, plan.interpreter.emplace());
  r.get(plan.exe).get(plan.execfn).get(plan.comm).get(plan.exec_stack);
  for (u64 n = r.get<u64>(); n > 0 && r.ok(); --n) plan.args.push_back(r.get<std::string>());
  const bool whole = r.at_end() && !plan.executable.elf.segments.empty() &&
                     !(plan.interpreter && plan.interpreter->elf.segments.empty());
  if (!whole) return fail("a program's load plan is damaged");
  return plan;
}

Result<OpenPlan> make_load_plan(Engine& engine, Program program) {
  OpenPlan open;
  LoadPlan& plan = open.plan;
  auto elf = read_elf(program.fd.get(), program.path);
  if (!elf) return std::unexpected(elf.error());
  plan.executable.elf = std::move(*elf);
  auto file = source_of(engine, program.fd.get(), program.path);
  if (!file) return std::unexpected(file.error());
  plan.executable.file = std::move(*file);
  plan.exec_stack = plan.executable.elf.exec_stack;

  if (const std::string& name = plan.executable.elf.interpreter; !name.empty()) {
    const i64 fd = raw_syscall(SYS_open, reinterpret_cast<u64>(name.c_str()), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(static_cast<int>(-fd), program.path + ": its interpreter " + name);
    open.interpreter = UniqueFd{fd};
    auto its_elf = read_elf(open.interpreter.get(), name);
    if (!its_elf) {
      if (its_elf.error().code == ENOEXEC) its_elf.error().code = ELIBBAD;
      return std::unexpected(its_elf.error());
    }
    auto its_file = source_of(engine, open.interpreter.get(), name);
    if (!its_file) return std::unexpected(its_file.error());
    plan.interpreter = LoadImage{std::move(*its_elf), std::move(*its_file)};
  }
  plan.exe = std::move(program.exe);
  plan.comm = program.execfn.substr(program.execfn.rfind('/') + 1).substr(0, 15);
  plan.execfn = std::move(program.execfn);
  plan.args = std::move(program.args);
  open.executable = std::move(program.fd);
  return open;
}

}  // namespace fred
