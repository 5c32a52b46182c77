#include "gdbmi/mi/driver.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "gdbmi/mi/parser.h"

namespace fred::mi {

Driver::Driver(asio::io_context& io, UniqueFd fd) : io_(io), stream_(io, fcntl(fd.get(), F_DUPFD_CLOEXEC, 3)) {
  read_more();
}

void Driver::send(std::string_view command, OnResult then) {
  if (!alive_) return then(fail(reason_));
  const Token token = next_++;
  waiting_.emplace(token, std::move(then));
  output_.push_back(fmt::format("{}{}\n", token, command));
  if (output_.size() == 1) write_more();
}

Result<Value> Driver::ask(std::string_view command) {
  std::optional<Result<ResultRecord>> answer;
  // On the heap: if the loop ends early, the answer may come when this frame is gone.
  const auto slot = std::make_shared<std::optional<Result<ResultRecord>>*>(&answer);
  send(command, [slot](Result<ResultRecord> r) {
    if (*slot != nullptr) **slot = std::move(r);
  });
  // In a handler of a line, the lines behind it are still to be taken.
  while (!answer && (take_next_line() || io_.run_one() != 0)) {
  }
  *slot = nullptr;
  if (!answer) return fail("interrupted");
  if (!*answer) return std::unexpected(answer->error());
  return std::move((*answer)->values);
}

Result<std::string> Driver::ask_console(std::string_view command) {
  std::string text;
  auto* const outer = std::exchange(collecting_, &text);
  const auto answer = ask(fmt::format("-interpreter-exec console {}", quote(command)));
  collecting_ = outer;
  if (!answer) return std::unexpected(answer.error());
  return text;
}

void Driver::end(const std::string& reason) {
  if (!alive_) return;
  alive_ = false;
  reason_ = reason;
  boost::system::error_code ignored;
  stream_.close(ignored);
  for (auto& [token, then] : std::exchange(waiting_, {})) then(fail(reason_));
  if (on_end_) on_end_();
}

void Driver::read_more() {
  stream_.async_read_some(asio::buffer(chunk_), [this](boost::system::error_code error, std::size_t size) {
    if (error == asio::error::operation_aborted) return;
    if (error) return end(reason_);
    input_.append(chunk_.data(), size);
    read_more();
    while (take_next_line()) {
    }
  });
}

void Driver::write_more() {
  asio::async_write(stream_, asio::buffer(output_.front()), [this](boost::system::error_code error, std::size_t) {
    if (error == asio::error::operation_aborted) return;
    if (error) return end(reason_);
    output_.pop_front();
    if (!output_.empty()) write_more();
  });
}

bool Driver::take_next_line() {
  const auto end = input_.find('\n');
  if (!alive_ || end == std::string::npos) return false;
  const std::string line = input_.substr(0, end);
  input_.erase(0, end + 1);
  take_line(line);
  return true;
}

void Driver::take_line(std::string_view line) {
  auto record = parse_record(line);
  if (!record) return;  // not from gdb: something else wrote to the descriptor
  if (auto* result = std::get_if<ResultRecord>(&*record)) return take(std::move(*result));
  if (const auto* event = std::get_if<AsyncRecord>(&*record)) {
    if (on_event_) on_event_(*event);
  } else if (const auto* text = std::get_if<StreamRecord>(&*record)) {
    if (collecting_ != nullptr) {
      if (text->kind != StreamRecord::Kind::log) *collecting_ += text->text;
    } else if (on_text_) {
      on_text_(*text);
    }
  }
}

void Driver::take(ResultRecord result) {
  if (!result.token) return;  // "^running" for a command of another interface
  const auto it = waiting_.find(*result.token);
  if (it == waiting_.end()) return;
  const auto then = std::move(it->second);
  waiting_.erase(it);
  if (result == ResultRecord::Class::error) return then(fail(std::string(result.values.string("msg"))));
  then(std::move(result));
}

}  // namespace fred::mi
