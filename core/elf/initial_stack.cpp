#include "core/elf/initial_stack.h"

#include <elf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"

namespace fred {

namespace {

constexpr char platform[] = "x86_64";
/// The kernel makes this much of the stack beyond what is in it.
constexpr u64 first_room = 128 << 10;

u64 bytes_of(const std::vector<std::string>& strings) {
  u64 n = 0;
  for (const auto& s : strings) n += s.size() + 1;
  return n;
}

/// Writes strings upwards from `at` and collects where each begins.
GuestAddr put_strings(GuestAddr at, const std::vector<std::string>& strings, std::vector<u64>& where) {
  for (const auto& s : strings) {
    where.push_back(at.value);
    std::memcpy(at.ptr(), s.c_str(), s.size() + 1);
    at = at + (s.size() + 1);
  }
  return at;
}

std::vector<u64> auxiliary_vector(const LoadedProgram& p, const StackInputs& in, GuestAddr random, GuestAddr execfn,
                                  GuestAddr platform_at) {
  std::vector<u64> v;
  const auto add = [&](u64 type, u64 value) { v.insert(v.end(), {type, value}); };
  if (p.vdso.value) add(AT_SYSINFO_EHDR, p.vdso.value);
  add(AT_MINSIGSTKSZ, in.smallest_signal_stack);
  add(AT_HWCAP, in.hwcap);
  add(AT_PAGESZ, page_size);
  add(AT_CLKTCK, in.clock_ticks);
  add(AT_PHDR, p.headers.value);
  add(AT_PHENT, sizeof(Elf64_Phdr));
  add(AT_PHNUM, p.header_count);
  add(AT_BASE, p.interpreter_base.value);
  add(AT_FLAGS, 0);
  add(AT_ENTRY, p.entry.value);
  add(AT_UID, in.uid);
  add(AT_EUID, in.euid);
  add(AT_GID, in.gid);
  add(AT_EGID, in.egid);
  add(AT_SECURE, in.secure);
  add(AT_RANDOM, random.value);
  add(AT_HWCAP2, in.hwcap2);
  add(AT_EXECFN, execfn.value);
  add(AT_PLATFORM, platform_at.value);
  add(AT_NULL, 0);
  return v;
}

}  // namespace

Result<> check_string_sizes(const std::vector<std::string>& args, const std::vector<std::string>& env,
                            const std::string& execfn, u64 stack_limit) {
  constexpr u64 longest = 32 * page_size;
  constexpr u64 most = 6 << 20;  // three quarters of the default stack
  const u64 limit = std::max<u64>(std::min(stack_limit / 4, most), longest);
  const auto too_long = [](const std::string& s) { return s.size() + 1 > longest; };
  const u64 all = bytes_of(args) + bytes_of(env) + execfn.size() + 1 + (args.size() + env.size()) * sizeof(u64);
  if (all > limit || std::any_of(args.begin(), args.end(), too_long) || std::any_of(env.begin(), env.end(), too_long))
    return fail_errno(E2BIG, execfn);
  return {};
}

Result<GuestAddr> make_initial_stack(Engine& engine, const LoadPlan& plan, const LoadedProgram& loaded,
                                     const StackInputs& inputs) {
  GuestMemory& memory = engine.memory();
  GuestProcess& process = engine.process();

  // From the top: a null word, the file's name, the environment, the arguments.
  const GuestAddr execfn = layout::stack_top - sizeof(u64) - (plan.execfn.size() + 1);
  const GuestAddr env_at = execfn - bytes_of(process.env);
  const GuestAddr args_at = env_at - bytes_of(process.args);
  // Below them the platform's name and the random bytes, each 16-aligned after the first rounding.
  const GuestAddr platform_at{(args_at.value & ~u64{15}) - sizeof platform};
  const GuestAddr random_at = platform_at - inputs.random.size();
  const auto auxv = auxiliary_vector(loaded, inputs, random_at, execfn, platform_at);
  const u64 words = 1 + process.args.size() + 1 + process.env.size() + 1 + auxv.size();
  const GuestAddr sp{((random_at.value & ~u64{15}) - words * sizeof(u64)) & ~u64{15}};

  const u64 used = layout::stack_top.value - std::min(page_floor(args_at.value), page_floor(sp.value));
  const u64 size = std::max(std::min(used + first_room, memory.stack_room()), used);
  if (used > memory.stack_room()) return fail_errno(E2BIG, plan.execfn);
  const int prot = PROT_READ | PROT_WRITE | (plan.exec_stack ? PROT_EXEC : 0);
  if (const i64 r = memory.make_stack(size, prot); r < 0) return fail_errno(static_cast<int>(-r), "making the stack");
  memory.set_initial_sp(sp);

  std::vector<u64> stack{process.args.size()};
  const GuestAddr args_end = put_strings(args_at, process.args, stack);
  stack.push_back(0);
  put_strings(env_at, process.env, stack);
  stack.push_back(0);
  std::memcpy(execfn.ptr(), plan.execfn.c_str(), plan.execfn.size() + 1);
  std::memcpy(platform_at.ptr(), platform, sizeof platform);
  std::memcpy(random_at.ptr(), inputs.random.data(), inputs.random.size());
  stack.insert(stack.end(), auxv.begin(), auxv.end());
  std::memcpy(sp.ptr(), stack.data(), stack.size() * sizeof(u64));

  const auto* bytes = reinterpret_cast<const u8*>(auxv.data());
  process.auxv.assign(bytes, bytes + auxv.size() * sizeof(u64));
  process.args_area = {args_at, args_end};
  process.env_area = {env_at, execfn};
  return sp;
}

}  // namespace fred
