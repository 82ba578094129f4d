// Lines for a developer's log.
#pragma once

#include <functional>
#include <string_view>

namespace sotto {

enum class LogLevel { debug, info, warning, error };

/// Takes one line, without its end of line; the text is valid during the call only. Called from any thread that works
/// inside Sotto (the engine's, the network's, and the caller's own), also from several at once, so it must be
/// thread-safe; it must return soon and must not call back into Sotto. What it throws is ignored.
/// Lines never hold secrets, content, handles or addresses; ids appear only as keyed hashes, which tell whether two
/// lines mean the same id and nothing else.
using LogSink = std::function<void(LogLevel, std::string_view)>;

}  // namespace sotto
