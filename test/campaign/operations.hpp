// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_power_loss.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

namespace campaign {

using random_source = numstore::detail::split_mix;

/// The alphabet of workloads. Those up to `erase_attribute` change one thing
/// and are also what transactions are made of.
enum class operation : std::uint8_t {
    create,
    drop,
    rename,
    clone,
    append_few,
    append_bulk,
    insert_few,
    insert_bulk,
    erase_few,
    clear,
    write_few,
    write_all,
    write_strided,
    erase_strided,
    grow,
    shrink,
    scatter,
    erase_at,
    insert_array,
    set_attribute,
    erase_attribute,
    commit_several,
    commit_after_undo,
    commit_after_checkpoint,
    roll_back,
    snapshot,
    checkpoint,
    compact,
    reopen,
    count
};
inline constexpr auto operations = static_cast<std::size_t>(operation::count);
inline constexpr auto changes =
    static_cast<std::size_t>(operation::commit_several);

inline constexpr std::array<std::string_view, operations> operation_names{
    "create", "drop", "rename", "clone", "append_few", "append_bulk",
    "insert_few", "insert_bulk", "erase_few", "clear", "write_few",
    "write_all", "write_strided", "erase_strided", "grow", "shrink",
    "scatter", "erase_at", "insert_array", "set_attribute",
    "erase_attribute", "commit_several", "commit_after_undo",
    "commit_after_checkpoint", "roll_back", "snapshot", "checkpoint",
    "compact", "reopen"};

/// How large arrays become.
struct sizes {
    std::size_t few = 3;
    std::size_t bulk = 700;
    std::size_t most = 4000; ///< elements; larger arrays are cut
};

/// Where a change is made: in the database, or in a transaction.
template <class Policies>
struct place {
    numstore::basic_database<Policies>* db;
    numstore::basic_transaction<Policies>* tx = nullptr;

    numstore::array<std::int32_t, Policies>
    open(std::string const& name) const {
        return tx != nullptr ? tx->template open<std::int32_t>(name)
                             : db->template open<std::int32_t>(name);
    }
    template <class F>
    void names(F&& f) const {
        if (tx != nullptr)
            f(*tx);
        else
            f(*db);
    }
};

/// Draws changes: makes each in a model, and gives back what does the same to
/// a database.
template <class Policies>
class change_maker {
    using target = place<Policies>;
    using array = numstore::array<std::int32_t, Policies>;
    using action = std::function<void(target const&)>;

public:
    change_maker(random_source& random, sizes const& s)
        : random_(&random), sizes_(s) {}

    action make(operation what, model& m) {
        if (m.empty())
            what = operation::create;
        switch (what) {
        case operation::create: return create(m);
        case operation::drop: return drop(m);
        case operation::rename: return rename(m);
        case operation::clone: return clone(m);
        case operation::set_attribute: return set_attribute(m);
        case operation::erase_attribute: return erase_attribute(m);
        case operation::insert_array: return insert_array(m);
        default: break;
        }
        std::string const name = pick(m);
        values& v = m[name].elements;
        if (v.size() > sizes_.most)
            what = operation::erase_strided;
        auto const apply = change(what, v);
        return [name, apply](target const& p) {
            array a = p.open(name);
            apply(a);
        };
    }

    std::size_t below(std::size_t n) { return n == 0 ? 0 : random_->below(n); }

private:
    using array_action = std::function<void(array&)>;

    std::string pick(model const& m) {
        return std::next(m.begin(),
                         static_cast<std::ptrdiff_t>(below(m.size())))
            ->first;
    }
    std::string fresh_name(model const& m) {
        for (;;) {
            std::string name = "n" + std::to_string(below(1000));
            if (!m.contains(name))
                return name;
        }
    }
    values fresh(std::size_t n) {
        values v(n);
        std::iota(v.begin(), v.end(),
                  static_cast<std::int32_t>(below(1u << 30)));
        return v;
    }
    static values::iterator at(values& v, std::size_t i) {
        return v.begin() + static_cast<std::ptrdiff_t>(i);
    }

    action create(model& m) {
        std::string const name = fresh_name(m);
        m[name];
        return [name](target const& p) {
            p.names([&](auto& in) { in.template create<std::int32_t>(name); });
        };
    }
    action drop(model& m) {
        std::string const name = pick(m);
        m.erase(name);
        return [name](target const& p) {
            p.names([&](auto& in) { in.drop(name); });
        };
    }
    action rename(model& m) {
        std::string const from = pick(m);
        std::string const to = fresh_name(m);
        m[to] = std::move(m[from]);
        m.erase(from);
        return [from, to](target const& p) {
            p.names([&](auto& in) { in.rename(from, to); });
        };
    }
    action clone(model& m) {
        std::string const from = pick(m);
        std::string const to = fresh_name(m);
        m[to] = m[from];
        return [from, to](target const& p) {
            p.names([&](auto& in) { in.clone(from, to); });
        };
    }
    action set_attribute(model& m) {
        std::string const name = pick(m);
        std::string const key = "k" + std::to_string(below(3));
        auto const value = static_cast<std::int64_t>(below(1000));
        m[name].attributes[key] = value;
        return [=](target const& p) {
            p.open(name).attributes().set(key, value);
        };
    }
    action erase_attribute(model& m) {
        std::string const name = pick(m);
        auto& all = m[name].attributes;
        if (all.empty())
            return set_attribute(m);
        std::string const key = all.begin()->first;
        all.erase(key);
        return [=](target const& p) { p.open(name).attributes().erase(key); };
    }
    action insert_array(model& m) {
        std::string const from = pick(m);
        std::string const to = pick(m);
        values const source = m[from].elements;
        values& v = m[to].elements;
        std::size_t const pos = below(v.size() + 1);
        v.insert(at(v, pos), source.begin(), source.end());
        return [=](target const& p) { p.open(to).insert(pos, p.open(from)); };
    }

    array_action change(operation what, values& v) {
        switch (what) {
        case operation::append_few: return insert(v, v.size(), sizes_.few);
        case operation::append_bulk: return insert(v, v.size(), sizes_.bulk);
        case operation::insert_few:
            return insert(v, below(v.size() + 1), sizes_.few);
        case operation::insert_bulk:
            return insert(v, below(v.size() + 1), sizes_.bulk);
        case operation::erase_few: return erase(v);
        case operation::clear:
            v.clear();
            return [](array& a) { a.clear(); };
        case operation::write_few: return write(v, sizes_.few);
        case operation::write_all: return write(v, v.size());
        case operation::write_strided: return write_strided(v);
        case operation::erase_strided: return erase_strided(v);
        case operation::grow:
            return resize(v, v.size() + below(sizes_.bulk));
        case operation::shrink: return resize(v, below(v.size() + 1));
        case operation::scatter: return scatter(v);
        default: return erase_at(v);
        }
    }

    array_action insert(values& v, std::size_t pos, std::size_t most) {
        values const what = fresh(1 + below(most));
        v.insert(at(v, pos), what.begin(), what.end());
        return [=](array& a) { a.insert(pos, what); };
    }
    array_action erase(values& v) {
        std::size_t const pos = below(v.size() + 1);
        std::size_t const n = below(std::min(v.size() - pos, sizes_.bulk) + 1);
        v.erase(at(v, pos), at(v, pos + n));
        return [=](array& a) { a.erase(pos, n); };
    }
    array_action write(values& v, std::size_t most) {
        std::size_t const n = std::min(v.size(), most);
        std::size_t const pos = below(v.size() - n + 1);
        values const what = fresh(n);
        std::copy(what.begin(), what.end(), at(v, pos));
        return [=](array& a) { a.write(pos, what); };
    }
    numstore::slice some_slice(values const& v) {
        return {.start = static_cast<std::int64_t>(below(v.size() + 1)),
                .step = static_cast<std::int64_t>(1 + below(5))};
    }
    array_action write_strided(values& v) {
        numstore::slice const s = some_slice(v);
        auto const where = s.resolve(v.size());
        values const what = fresh(static_cast<std::size_t>(where.count));
        for (std::size_t i = 0; i != what.size(); ++i)
            v[static_cast<std::size_t>(where[i])] = what[i];
        return [=](array& a) { a.write(s, what); };
    }
    array_action erase_strided(values& v) {
        numstore::slice const s = some_slice(v);
        auto const where = s.resolve(v.size());
        values kept;
        std::uint64_t next = 0;
        for (std::size_t i = 0; i != v.size(); ++i)
            if (next != where.count && where[next] == i)
                ++next;
            else
                kept.push_back(v[i]);
        v = std::move(kept);
        return [=](array& a) { a.erase(s); };
    }
    array_action resize(values& v, std::size_t n) {
        v.resize(n);
        return [=](array& a) { a.resize(n); };
    }
    std::vector<std::uint64_t> positions(values const& v) {
        std::vector<std::uint64_t> where;
        for (std::size_t i = 0; i != 5 && !v.empty(); ++i)
            where.push_back(below(v.size()));
        std::sort(where.begin(), where.end(), std::greater<>());
        where.erase(std::unique(where.begin(), where.end()), where.end());
        return where;
    }
    array_action scatter(values& v) {
        auto const where = positions(v);
        values const what = fresh(where.size());
        for (std::size_t i = 0; i != what.size(); ++i)
            v[static_cast<std::size_t>(where[i])] = what[i];
        return [=](array& a) { a.scatter(where, what); };
    }
    array_action erase_at(values& v) {
        auto const where = positions(v);
        for (std::uint64_t const pos : where)
            v.erase(at(v, static_cast<std::size_t>(pos)));
        return [=](array& a) { a.erase_at(where); };
    }

    random_source* random_;
    sizes sizes_;
};

} // namespace campaign
