// Every limit of the protocol, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sotto::wire::limits {

/// A WebSocket message. Holds a commit of 192 KiB with room for the envelope.
inline constexpr std::size_t frame_bytes = 256 * 1024;
/// Envelopes in a frame: bounds the memory that one frame can ask for. Above what fits the 64 KiB up to which waiting
/// messages are joined.
inline constexpr std::size_t envelopes_per_frame = 16 * 1024;
/// A text message of sotto.v1.json: a whole frame in base64 (4/3) and half as much again for names, numbers and quotes.
/// What it stands for is still bounded by `frame_bytes`.
inline constexpr std::size_t json_frame_bytes = 512 * 1024;
/// Objects and lists inside each other in it. The schema has 9 (a Secret of a createChat's Welcome); the rest is room
/// for fields that are not known yet.
inline constexpr std::size_t json_depth = 32;
/// Values in all, a list of bare numbers included: reading one costs a microsecond or three, however few bytes it has,
/// and meanwhile everybody waits. An ack of 4,000 chats fits.
inline constexpr std::size_t json_values = 16 * 1024;
/// A commit with its Welcomes.
inline constexpr std::size_t commit_bytes = 192 * 1024;
/// An application message, so that a window of them stays small. Larger things are attachments.
inline constexpr std::size_t message_bytes = 96 * 1024;
/// A backend record: an entry with 1,000 Welcome secrets fits.
inline constexpr std::size_t record_bytes = 512 * 1024;

/// People in a chat: the mission's number.
inline constexpr std::size_t users_per_chat = 100;
inline constexpr std::size_t devices_per_user = 10;
inline constexpr std::size_t adds_per_commit = 100;

/// Entries and bytes in flight to a device before it must ack: back-pressure.
inline constexpr std::size_t window_entries = 256;
inline constexpr std::size_t window_bytes = 1024 * 1024;
/// A device with nothing else to say acks at most so often, so that a burst costs two frames and not one for each step;
/// what comes alone is acked at once. Nothing waits for that but receipts and the deletion of what was fetched.
inline constexpr std::chrono::milliseconds ack_interval{100};
/// But at once when it has got so much since the last: a quarter of the window's entries and what a turn may have, so
/// that the window has room again before it is full.
inline constexpr std::size_t acked_at_once_entries = 64;
inline constexpr std::size_t acked_at_once_bytes = 64 * 1024;
/// Messages of one chat that a device may have in flight to the relay.
inline constexpr std::size_t messages_in_flight = 32;

/// min_handshake is at least that of the Nth-last handshake, hence receivers need one past epoch less than N.
inline constexpr std::size_t handshakes_accepted_back = 4;
/// Handshakes whose sender the relay remembers.
inline constexpr std::size_t handshake_senders_kept = 256;

inline constexpr std::size_t key_packages_per_device = 100;
inline constexpr std::size_t key_package_bytes = 4 * 1024;
/// Below this many one-time key packages the relay asks for more.
inline constexpr std::size_t key_packages_low = 20;
/// What a push service hands out: a Web Push subscription with its keys fits.
inline constexpr std::size_t push_token_bytes = 4 * 1024;
inline constexpr std::size_t users_per_take = 20;

/// A ratchet tree above this goes as a blob instead of inside the Welcome.
inline constexpr std::size_t inline_tree_bytes = 32 * 1024;
inline constexpr std::size_t attachment_part_bytes = 128 * 1024;
/// A file in a chat: what phones' videos come to.
inline constexpr std::uint64_t attachment_plain_bytes = 2'147'483'648;
/// Its ciphertext, which has 17 bytes more for each 64 KiB, and a header: with a mebibyte of room.
inline constexpr std::uint64_t attachment_bytes = 2'148'532'224;
/// What a ratchet tree of 1,000 devices comes to, with room: bounds the memory of a device that joins.
inline constexpr std::uint64_t tree_bytes = 2 * 1024 * 1024;

/// Of one message. What is shown of them before they are fetched has to fit into the message.
inline constexpr std::size_t attachments_per_message = 10;
inline constexpr std::size_t thumbnail_bytes = 8 * 1024;
inline constexpr std::size_t preview_bytes = 32 * 1024;
inline constexpr std::size_t previews_per_message_bytes = 48 * 1024;
inline constexpr std::size_t waveform_bytes = 256;
inline constexpr std::size_t file_name_bytes = 255;
inline constexpr std::size_t mime_type_bytes = 127;
/// What an app may hand over in memory.
inline constexpr std::size_t attachment_in_memory_bytes = 16 * 1024 * 1024;
/// With attachments, so that text and previews fit a message.
inline constexpr std::size_t caption_bytes = 16 * 1024;

/// A SealedSignal has some 250; what is told to everybody in a chat at once has to be small.
inline constexpr std::size_t signal_bytes = 1024;
/// What a user whom many people write to needs; a list is one record of 32 KB.
inline constexpr std::size_t blocked_users = 2000;
/// A sealed profile with its avatar.
inline constexpr std::size_t profile_bytes = 64 * 1024;
inline constexpr std::size_t profile_name_bytes = 128;
inline constexpr std::size_t profile_about_bytes = 1024;
inline constexpr std::size_t avatar_bytes = 48 * 1024;

inline constexpr std::size_t handle_bytes = 64;
/// What a person reads off a text message: with five tries a code, one chance in 200,000.
inline constexpr std::size_t code_digits = 6;
inline constexpr std::size_t chat_name_bytes = 256;
inline constexpr std::size_t text_bytes = 64 * 1024;
/// Heads in one push, so that it fits a frame.
inline constexpr std::size_t heads_per_push = 2048;

inline constexpr std::chrono::seconds ping_interval{30};
inline constexpr std::chrono::milliseconds reconnect_first{500};
inline constexpr std::chrono::milliseconds reconnect_most{60'000};
inline constexpr std::chrono::hours entry_lifetime{30 * 24};

}  // namespace sotto::wire::limits
