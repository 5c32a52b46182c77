#include "core/dispatch/executed_child.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "core/base/check.h"
#include "core/base/engine_file.h"
#include "core/base/exec_strings.h"
#include "core/base/lifeline.h"
#include "core/base/log.h"
#include "core/base/outside.h"
#include "core/base/raw_syscall.h"
#include "core/control/message.h"
#include "core/dispatch/conditions.h"
#include "core/dispatch/processes.h"
#include "core/elf/initial_stack.h"
#include "core/elf/program.h"

namespace fred {

namespace {

/// Would the engine load it? What it refuses is executed without being recorded.
bool is_recordable(const std::string& path, const std::vector<std::string>& args, const std::vector<std::string>& env) {
  const auto program = open_program(path, args);
  if (!program) return false;
  unsigned char head[EI_NIDENT];
  const i64 n =
      raw_syscall(SYS_pread64, static_cast<u64>(program->fd.get()), reinterpret_cast<u64>(head), sizeof head, 0);
  if (n != sizeof head || std::memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_CLASS] != ELFCLASS64) return false;
  return check_string_sizes(program->args, env, program->execfn, GuestMemory::wanted_stack_room()).has_value();
}

/// Those of this process that the executed engine needs. Its memory is the parent's, its descriptors are its own.
class Inherited {
 public:
  Inherited() = default;
  Inherited(const Inherited&) = delete;
  Inherited& operator=(const Inherited&) = delete;
  /// What was not executed does not keep them.
  ~Inherited() {
    for (const int fd : made_) raw_syscall(SYS_close, static_cast<u64>(fd));
    for (const int fd : kept_) raw_syscall(SYS_fcntl, static_cast<u64>(fd), F_SETFD, FD_CLOEXEC);
  }
  int made(i64 fd) {
    if (fd >= 0) made_.push_back(static_cast<int>(fd));
    return static_cast<int>(fd);
  }
  int kept(int fd) {
    if (fd < 0) return fd;
    raw_syscall(SYS_fcntl, static_cast<u64>(fd), F_SETFD, 0);
    kept_.push_back(fd);
    return fd;
  }

 private:
  std::vector<int> made_, kept_;
};

}  // namespace

void execute_engine(GuestEngine& engine, const std::string& path, std::vector<std::string>& args,
                    std::vector<std::string>& env) {
  auto& tree = engine.tree();
  if (engine.mode() != Mode::record || !engine.options().children || !is_recordable(path, args, env)) return;
  Inherited inherited;
  const auto made = environment_file(env);
  if (!made) return;
  const int env_file = inherited.made(*made);
  const auto place = tree.next_place(engine.events().events(), ProcessOrigin::executed);
  int ends[2] = {-1, -1};
  if (!place) return;
  engine.events().order_by(tree.order());
  if (tree.control() >= 0) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) return;
    name_senders(ends[1]);
    inherited.made(ends[0]);
    raw_syscall(SYS_fcntl, static_cast<u64>(inherited.made(ends[1])), F_SETFD, FD_CLOEXEC);
  }
  std::vector<std::string> argv{"fred-engine", "record", fmt::format("--env-fd={}", env_file)};
  argv.push_back(fmt::format("--tree-fd={}", inherited.kept(tree.page_descriptor())));
  argv.push_back(fmt::format("--process={},{},{}", place->number, place->parent, place->parent_event));
  argv.push_back("--dir=" + engine.recording_dir());
  if (ends[0] >= 0) argv.push_back(fmt::format("--control-fd={}", ends[0]));
  if (const int fd = inherited.kept(lifeline()); fd >= 0) argv.push_back(fmt::format("--lifeline-fd={}", fd));
  if (const int fd = inherited.kept(outside_root()); fd >= 0) argv.push_back(fmt::format("--root-fd={}", fd));
  argv.push_back(fmt::format("--errors-fd={}", inherited.kept(error_descriptor())));
  if (engine.conditions().holds_children()) argv.emplace_back("--held");
  const auto& words = engine.options().words;
  argv.insert(argv.end(), words.begin(), words.end());
  argv.insert(argv.end(), {"--", path});
  argv.insert(argv.end(), args.begin(), args.end());
  if (args.empty()) argv.emplace_back();
  tree.announce({.place = *place, .control = ends[0], .session_end = ends[1]},
                static_cast<i64>(raw_syscall(SYS_getpid)));
  // An empty environment: the guest's LD_PRELOAD, say, is not for the engine.
  std::vector<std::string> nothing;
  const auto p = pointers_to(argv), e = pointers_to(nothing);
  engine.processes().leaving(true);
  const i64 failed = execute_engine_file(p.data(), e.data());
  engine.processes().leaving(false);
  LOG_INFO(dispatch, "cannot execute the engine for {}: errno {}", path, -failed);
}

}  // namespace fred
