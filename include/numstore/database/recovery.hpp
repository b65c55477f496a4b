// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/bulk_copies.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/list_pages.hpp>
#include <numstore/database/log_analysis.hpp>
#include <numstore/database/reclaimer.hpp>
#include <numstore/database/redo.hpp>
#include <numstore/error.hpp>
#include <numstore/format/bytes.hpp>
#include <numstore/format/free_map.hpp>
#include <numstore/format/log_codec.hpp>
#include <numstore/format/log_record.hpp>
#include <numstore/format/superblock_check.hpp>
#include <numstore/log/random_salt.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace numstore::detail {

/// Makes a device a database, or opens the one that is on it: ARIES on
/// copy-on-write pages (Mohan et al., "ARIES", 1992). Analysis and one redo
/// pass; there is nothing to undo, because what did not commit was never
/// reachable. Ends with checkpoints that start a new generation of the log.
template <class Policies>
class recovery {
    using engine_type = engine<Policies>;
    using log_type = typename engine_type::log_type;
    static constexpr std::size_t page_size = Policies::page_size;
    static constexpr bool logging = engine_type::logging;

public:
    explicit recovery(engine_type& e) noexcept : e_(&e) {}

    /// An empty database on an empty device; durable on return. Throws
    /// no_space, io.
    [[gnu::cold]] void create() {
        std::uint64_t const first = pager<Policies>::first_data_page;
        std::uint64_t const pages =
            round_up(first + e_->pages->reserve_pages(),
                     e_->pages->block_pages());
        resize_device(pages);
        e_->pages->adopt(pages, {{page_no{first}, pages - first}}, {}, 2);
        format::superblock& s = e_->newest;
        s.policies = fingerprint();
        std::uint64_t const half[2] = {random_salt(), random_salt()};
        std::memcpy(s.database_id.data(), half, sizeof half);
        start_log(lsn{0});
        s.redo = log_end();
        s.version = {};
        if constexpr (logging)
            s.log = e_->stored_position(s.redo);
        s.clean = true;
        write_first_free_map(); // which may let the file grow
        s.file_pages = e_->pages->file_pages();
        e_->pages->sync();
        for (s.generation = 1;; ++s.generation) {
            e_->write_superblock(s);
            if (s.generation == 2)
                break;
        }
        begin_versions();
    }

    /// Throws what is wrong with the file: not_a_database, corrupt,
    /// unsupported_version, incompatible_policies; and io, no_space.
    [[gnu::cold]] void open() {
        choose_superblock();
        load_free_map();
        load_references();
        begin_versions();
        if constexpr (logging) {
            replay();
        } else if (e_->read_only) {
            e_->pages->settle();
        } else {
            e_->pages->settle();
            clear_damaged_superblock();
            if (e_->opt.durability == durability::full)
                write_found_superblock();
        }
        if (e_->is_beside())
            keep_for_reading();
    }

private:
    static format::fingerprint fingerprint_of(std::size_t block) {
        return {static_cast<std::uint32_t>(page_size),
                Policies::checksum::id, Policies::logging::id,
                static_cast<std::uint32_t>(block), 0};
    }
    format::fingerprint fingerprint() const {
        return fingerprint_of(e_->pages->device().block_size());
    }

    lsn log_end() const {
        if constexpr (logging)
            return e_->log->end();
        else
            return {};
    }

    void resize_device(std::uint64_t pages) {
        std::error_code ec;
        e_->pages->device().resize(pages * page_size, ec);
        if (ec)
            raise_device(ec, e_->name + ": cannot make the file");
    }

    [[gnu::cold]] void write_first_free_map() {
        std::vector<extent> own;
        list_pages<Policies> list(*e_->pages, own);
        list.take(1);
        auto [now, next] = e_->pages->with_space(
            [](space_map& m) { return m.stored(2, {}, {}); });
        std::vector<std::byte> bytes;
        format::encode_free_map({std::move(now), std::move(next)}, bytes);
        auto const image = list.make(std::move(bytes));
        image.write(*e_->pages);
        e_->newest.free_map = image.root;
        e_->lists.free_map = list.all();
    }

    // opening

    [[gnu::cold]] void choose_superblock() {
        std::error_code ec;
        std::uint64_t const size = e_->pages->device().size(ec);
        if (ec)
            raise_device(ec, e_->name + ": cannot tell the size");
        format::superblock_result found[2];
        for (std::size_t i = 0; i != 2; ++i)
            found[i] = read_superblock(format::superblock_offsets[i], size);
        format::superblock_result const* best = nullptr;
        for (auto const& f : found) {
            refuse(f);
            if (usable(f)
                && (best == nullptr
                    || f.block.generation > best->block.generation))
                best = &f;
        }
        if (best == nullptr)
            raise_unusable(found[0].state == format::superblock_state::foreign
                               ? found[1]
                               : found[0]);
        std::size_t const other = best == &found[0] ? 1 : 0;
        other_damaged_ = !usable(found[other]);
        other_offset_ = format::superblock_offsets[other];
        if (best->state == format::superblock_state::ok_to_read
            && !e_->read_only)
            raise(errc::unsupported_version, e_->name + ": " + best->text);
        e_->newest = best->block;
        if (size / page_size < e_->newest.file_pages)
            raise(errc::corrupt,
                  e_->name + ": the file is cut off: it has "
                      + std::to_string(size) + " bytes and should have "
                      + std::to_string(e_->newest.file_pages * page_size));
        device_pages_ = size / page_size;
    }

    /// What is left of a damaged superblock must go before the first page is
    /// written: a torn write of the next one might put back what it lacks, and
    /// what it refers to is overwritten by then. Durable on return.
    [[gnu::cold]] void clear_damaged_superblock() {
        if (!other_damaged_)
            return;
        std::vector<std::byte> const nothing(
            std::max(format::superblock_bytes,
                     e_->pages->device().block_size()));
        e_->pages->write_durable(other_offset_, nothing);
    }

    /// What the superblock refers to stays; the log has been read.
    [[gnu::cold]] void keep_for_reading() {
        if constexpr (shared_device<typename Policies::storage>) {
            std::error_code ec;
            e_->pages->device().read_from(e_->newest.generation, ec);
            if (ec)
                raise_device(ec, e_->name + ": cannot say who reads it");
        }
    }

    static bool usable(format::superblock_result const& f) noexcept {
        return f.state == format::superblock_state::ok
               || f.state == format::superblock_state::ok_to_read;
    }

    /// One superblock of another kind speaks for the file.
    [[gnu::cold]] void refuse(format::superblock_result const& f) const {
        if (f.state == format::superblock_state::incompatible
            || f.state == format::superblock_state::unsupported)
            raise_unusable(f);
    }

    [[noreturn]] void
    raise_unusable(format::superblock_result const& f) const {
        raise(format::error_of(f.state), e_->name + ": " + f.text);
    }

    format::superblock_result read_superblock(std::uint64_t offset,
                                              std::uint64_t size) const {
        std::array<std::byte, format::superblock_bytes> bytes{};
        std::uint64_t const there =
            std::min<std::uint64_t>(bytes.size(),
                                    size > offset ? size - offset : 0);
        std::span<std::byte> const part(bytes.data(),
                                        static_cast<std::size_t>(there));
        if (there != 0) {
            std::error_code ec;
            e_->pages->device().read(offset, part, ec);
            if (ec)
                raise_device(ec, e_->name + ": cannot read a superblock");
        }
        return format::decode_superblock(part, fingerprint());
    }

    [[gnu::cold]] void load_free_map() {
        format::superblock const& s = e_->newest;
        format::free_map map;
        if (auto const bytes = load_list(s.free_map, e_->lists.free_map);
            !bytes.empty())
            map = format::decode_free_map(
                bytes, page_no{pager<Policies>::first_data_page},
                page_no{s.file_pages});
        if (s.twin == format::twin_role::twin) {
            map.free.insert(map.free.end(), map.next.begin(), map.next.end());
            map.next.clear();
        }
        // Growth after the superblock was written is free until the log says
        // otherwise.
        if (device_pages_ > s.file_pages)
            map.free.push_back(
                {page_no{s.file_pages}, device_pages_ - s.file_pages});
        // Others still read what an older superblock refers to; nobody knows
        // which of the free pages that is.
        if (!e_->read_only && e_->pages->oldest_reader() < s.generation)
            map.next.insert(map.next.end(), map.free.begin(), map.free.end());
        else
            return e_->pages->adopt(device_pages_, map.free, map.next,
                                    s.generation);
        e_->pages->adopt(device_pages_, {}, map.next, s.generation);
    }

    std::vector<std::byte> load_list(format::list_root const& root,
                                     std::vector<extent>& places) const {
        return read_list(std::as_const(*e_->pages), e_->newest, root, places);
    }

    [[gnu::cold]] void load_references() {
        format::superblock const& s = e_->newest;
        page_no const end{s.file_pages};
        reclaimer<Policies> references(*e_);
        if (auto const bytes = load_list(s.sharing, e_->lists.sharing);
            !bytes.empty())
            references.load_shares(bytes, end);
        if (auto const bytes = load_list(s.graveyard, e_->lists.graveyard);
            !bytes.empty())
            references.load_graveyard(bytes, end);
    }

    [[gnu::cold]] void begin_versions() {
        format::superblock const& s = e_->newest;
        e_->captured = s.generation;
        e_->latest_commit = s.version;
        e_->next_array.store(s.next_array, std::memory_order_seq_cst);
        e_->next_transaction = s.next_transaction;
        using chain = version_chain<catalogue_version>;
        e_->catalogue_versions.publish(std::make_unique<chain::node>(
            0, catalogue<Policies>::load(s)));
    }

    /// What is found may be in a cache of the system only, left there by a
    /// process that was killed. Without a log nothing else leads to it, so it
    /// goes to the other place before anybody sees what it says; once it is
    /// durable itself, or power that goes now might leave neither.
    [[gnu::cold]] void write_found_superblock() {
        format::superblock& s = e_->newest;
        e_->pages->sync();
        s.twin = format::twin_role::twin;
        ++s.generation;
        e_->write_superblock(s);
        e_->captured = s.generation;
    }

    // replaying the log

    log_position first_position() const {
        format::log_start const& l = e_->newest.log;
        return {.start = l.start,
                .segment = {l.offset, l.bytes, l.first},
                .salt = l.salt,
                .previous_checksum = l.previous_checksum,
                .block = static_cast<std::uint32_t>(
                    e_->pages->device().block_size())};
    }

    database_id id() const noexcept { return e_->newest.database_id; }

    [[gnu::cold]] void replay()
        requires logging
    {
        log_position const from = first_position();
        if (!is_valid(from))
            raise(errc::corrupt,
                  e_->name + ": the superblock names no place for the log");
        log_analysis<Policies> log(*e_, from, id(), known_of_log());
        log.run();
        if (log.is_replaced())
            raise(errc::corrupt,
                  e_->name + ": the newest superblock is damaged, and the "
                             "log that would replace it is missing");
        if (e_->newest.version != lsn{} && log.end() <= e_->newest.version)
            raise(errc::corrupt,
                  e_->name + ": the log ends before what the superblock has");
        for (log_segment const& s : log.segments()) {
            extent const x = extent_of(s);
            if (!e_->pages->contains(x.first, x.pages)
                || s.offset % page_size != 0 || s.bytes % page_size != 0)
                raise(errc::corrupt,
                      e_->name + ": a segment of the log is impossible");
            e_->pages->reserve(x);
        }
        e_->pages->settle();
        if (!e_->read_only)
            clear_damaged_superblock();
        if (!log.found_batches() && !log.has_remains()) {
            if (e_->read_only)
                return;
            resume_log(from);
            e_->newest_is_unsure = !other_damaged_;
            if (other_damaged_ || lacks_twin())
                checkpoint({});
            return;
        }
        redo_all(log);
        if (e_->read_only)
            return;
        typename pager<Policies>::checkpoint_scope const all(*e_->pages);
        // The checkpoint needs what room there is.
        start_log(planted<Policies>(planted_fault::log_positions_restart)
                      ? lsn{0}
                      : log.end(),
                  true);
        // The superblock before the next one still needs the old log.
        for (log_segment const& s : log.segments())
            e_->pages->retire(extent_of(s), 0, e_->newest.generation);
        // Both superblocks, for the log that was read is not written on: what
        // is committed from now on could not be reached through it.
        checkpoint({.ripen = true});
    }

    /// Nobody commits meanwhile: the superblock that was found is not written
    /// again, for it may be the only good one.
    void checkpoint(typename checkpointer<Policies>::purpose why) {
        e_->newest.clean = false;
        typename engine_type::work_lock lock(e_->work);
        checkpointer<Policies>(*e_).run(lock, why);
    }

    /// A superblock that says so was written when the database was closed, and
    /// again before the next commit, if it is the newest: a damaged one might
    /// have been newer.
    log_state known_of_log() const noexcept {
        return e_->newest.clean && !other_damaged_ ? log_state::empty
                                                   : log_state::unknown;
    }

    /// The other superblock may belong to a log that ended, and would not
    /// reach what is committed from now on.
    bool lacks_twin() const noexcept {
        return e_->newest.twin == format::twin_role::followed;
    }

    static extent extent_of(log_segment const& s) noexcept {
        return log_space_pool<Policies>::extent_of({s.offset, s.bytes, true});
    }

    [[gnu::cold]] void redo_all(log_analysis<Policies> const& log) {
        e_->next_transaction =
            std::max(e_->next_transaction, log.last_transaction() + 1);
        bulk_copies<Policies> copies(*e_);
        if (!e_->read_only && log.has_unsure_bulk())
            copy_bulk(log, copies);
        typename pager<Policies>::checkpoint_scope const all(*e_->pages);
        auto const t = std::make_shared<transaction_state<Policies>>(
            *e_->pages, e_->next_transaction++);
        redo<Policies> again(*e_, *t, copies);
        lsn const first = log.first();
        lsn next = first;
        log.each_record([&](lsn at, format::log_record const& r) {
            if (log.is_redone(at, r))
                again(at, r);
            if (at < next)
                return;
            next = at + report_bytes;
            report(at - first, log.end() - first);
        });
        report(log.end() - first, log.end() - first);
        if (log.last_commit() != lsn{})
            committer<Policies>(*e_).publish_redone(*t, log.last_commit());
        copies.retire_originals();
    }

    [[gnu::cold]]
    void copy_bulk(log_analysis<Policies> const& log,
                   bulk_copies<Policies>& copies) const {
        log.each_record([&](lsn at, format::log_record const& r) {
            if (!log.is_unsure_bulk(r) || !log.is_redone(at, r))
                return;
            if (auto const* b = std::get_if<format::log_insert_bulk>(&r.body))
                copies.copy(b->runs);
            else if (auto const* m =
                         std::get_if<format::log_bulk_more>(&r.body))
                copies.copy(m->runs);
        });
    }

    static constexpr std::uint64_t report_bytes = std::uint64_t{1} << 20;

    void report(std::uint64_t done, std::uint64_t total) const {
        if (!e_->opt.progress({done, total, "recovery: bytes of log"}))
            raise(errc::cancelled, e_->name + ": recovery was cancelled");
    }

    [[gnu::cold]] void start_log(lsn first, bool small = false) {
        if constexpr (logging) {
            make_log();
            e_->log->start(first, random_salt(), small);
            e_->checkpoint_end = e_->log->end();
        }
    }

    [[gnu::cold]] void resume_log(log_position const& at) {
        if constexpr (logging) {
            make_log();
            e_->log->resume(at, mark_of_life());
            e_->log_pool.adopt({at.segment.offset, at.segment.bytes, true});
            e_->checkpoint_end = e_->log->end();
        }
    }

    /// A record without effect that is not in any other log: the end of a
    /// transaction that did nothing, behind a random one.
    [[gnu::cold]] std::vector<std::byte> mark_of_life() {
        std::vector<std::byte> record;
        format::byte_writer out(record);
        format::encode_log_record(out, e_->next_transaction++,
                                  lsn{random_salt()}, format::log_abort{});
        return record;
    }

    [[gnu::cold]] void make_log()
        requires logging
    {
        e_->log = std::make_unique<log_type>(
            e_->pages->device(), id(), segment_source_ref(e_->log_pool));
        e_->log->set_syncs_soon(e_->opt.durability == durability::full);
    }

    engine_type* e_;
    bool other_damaged_ = false;
    std::uint64_t other_offset_ = 0; ///< of the superblock that is not used
    std::uint64_t device_pages_ = 0;
};

} // namespace numstore::detail
