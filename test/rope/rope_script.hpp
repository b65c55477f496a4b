// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rope_fixture.hpp"

namespace rope_test {

/// Random operations on one tree and on a vector of bytes, compared.
template <class Element, class Policies>
class script {
public:
    using tree_type = detail::rope_tree<Element, Policies>;
    using edit_type = typename tree_type::edit_type;

    script(Element element, std::uint64_t seed, std::uint64_t leaves)
        : random_(seed),
          tree_(file_.pages, element),
          edit_(file_.begin()),
          size_(element.size()),
          leaves_(leaves) {}

    void run(int steps) {
        for (int i = 0; i != steps; ++i) {
            step();
            BOOST_REQUIRE_EQUAL(tree_.size(), count());
            require_sound(tree_, false);
            if (i % 8 == 0)
                compare();
        }
        compare();
        check_kept();
        rollback_all();
        commit();
        checkpoint();
        reload();
        compare();
        require_sound(tree_, true);
        file_.check_pages(tree_);
    }

private:
    std::uint64_t count() const { return model_.size() / size_; }
    std::uint64_t cap() const { return tree_.shape().capacity; }
    std::uint64_t upto(std::uint64_t n) {
        return std::uniform_int_distribution<std::uint64_t>(0, n)(random_);
    }
    /// Small numbers are as likely as large ones.
    std::uint64_t skewed(std::uint64_t n) {
        switch (upto(3)) {
        case 0: return std::min<std::uint64_t>(n, upto(3));
        case 1: return std::min<std::uint64_t>(n, upto(cap()));
        case 2: return std::min<std::uint64_t>(n, upto(3 * cap()));
        default: return upto(n);
        }
    }
    std::uint64_t place() {
        switch (upto(3)) {
        case 0: return count();
        case 1: return 0;
        default: return upto(count());
        }
    }
    bytes values(std::uint64_t n) {
        bytes v(static_cast<std::size_t>(n * size_));
        for (std::size_t i = 0; i < v.size(); i += 8) {
            std::uint64_t const r = random_();
            std::memcpy(v.data() + i, &r,
                        std::min<std::size_t>(8, v.size() - i));
        }
        return v;
    }
    std::byte* at(std::uint64_t i) { return model_.data() + i * size_; }
    auto it(std::uint64_t i) {
        return model_.begin() + static_cast<std::ptrdiff_t>(i * size_);
    }

    void step() {
        bool const full = count() > leaves_ * cap();
        switch (upto(full ? 18 : 22)) {
        case 0: erase(skewed(full ? count() : count() / 8)); break;
        case 1: erase(skewed(std::min(count(), cap()))); break;
        case 2: erase(full ? count() / 2 : 1); break;
        case 3: erase_strided(); break;
        case 4: erase_at(); break;
        case 5:
        case 6: write(); break;
        case 7: write_strided(); break;
        case 8: write_at(); break;
        case 9: read(); break;
        case 10: read_strided(); break;
        case 11: read_at(); break;
        case 12: savepoint(); break;
        case 13: rollback(); break;
        case 14: spill(); break;
        case 15: commit(); break;
        case 16:
            commit();
            checkpoint();
            break;
        case 17:
            commit();
            checkpoint();
            reload();
            break;
        case 18: replace_bulk(); break;
        case 19: insert_zeros(); break;
        case 20: insert_bulk(); break;
        default: insert(); break;
        }
    }

    void insert() {
        std::uint64_t const pos = place();
        bytes const v = values(skewed(6 * cap()));
        tree_.insert(edit_, pos, v);
        model_.insert(it(pos), v.begin(), v.end());
    }
    void insert_zeros() {
        std::uint64_t const pos = place();
        std::uint64_t const n = skewed(4 * cap());
        tree_.insert_zeros(edit_, pos, n);
        model_.insert(it(pos), n * size_, std::byte{0});
    }
    void insert_bulk() {
        std::uint64_t const pos = place();
        bytes const v = values(skewed(leaves_ / 2 * cap()));
        detail::bulk_log const log = tree_.insert_bulk(edit_, pos, v);
        std::uint64_t n = log.tail_count;
        for (auto const& run : log.runs)
            n += run.leaves * cap();
        BOOST_REQUIRE_EQUAL((n - log.absorbed) * size_, v.size());
        BOOST_REQUIRE_LT(log.tail_count, cap());
        model_.insert(it(pos), v.begin(), v.end());
    }
    void replace_bulk() {
        std::uint64_t const pos = upto(count());
        std::uint64_t const n = skewed(count() - pos);
        bytes const v = values(n);
        tree_.replace_bulk(edit_, pos, n, v);
        std::copy(v.begin(), v.end(), it(pos));
    }
    void erase(std::uint64_t n) {
        n = std::min(n, count());
        std::uint64_t const pos = upto(2) == 0 ? 0
                                  : upto(1)    ? count() - n
                                               : upto(count() - n);
        tree_.erase(edit_, pos, n);
        model_.erase(it(pos), it(pos + n));
    }

    struct stride {
        std::uint64_t pos = 0;
        std::int64_t step = 1;
        std::uint64_t n = 0;
        std::uint64_t operator[](std::uint64_t i) const {
            return pos + i * static_cast<std::uint64_t>(step);
        }
    };
    stride any_stride() {
        if (count() == 0)
            return {};
        stride s;
        std::uint64_t const step = 1 + skewed(4 * cap());
        s.pos = upto(count() - 1);
        s.step = static_cast<std::int64_t>(step);
        std::uint64_t room = count() - 1 - s.pos;
        if (upto(1)) {
            s.step = -s.step;
            room = s.pos;
        }
        s.n = upto(room / step + 1);
        return s;
    }
    std::vector<std::uint64_t> any_positions(bool distinct) {
        std::vector<std::uint64_t> p;
        if (count() != 0)
            for (std::uint64_t n = skewed(count() / 8); n != 0; --n)
                p.push_back(upto(count() - 1));
        std::ranges::sort(p);
        if (distinct)
            p.erase(std::ranges::unique(p).begin(), p.end());
        return p;
    }
    std::vector<std::uint64_t> any_order(std::size_t n) {
        std::vector<std::uint64_t> order;
        if (upto(2) == 0)
            return order;
        for (std::size_t i = 0; i != n; ++i)
            order.push_back(i);
        std::ranges::shuffle(order, random_);
        return order;
    }

    void remove(std::vector<bool> const& gone) {
        bytes left;
        for (std::uint64_t i = 0; i != count(); ++i)
            if (!gone[i])
                left.insert(left.end(), it(i), it(i + 1));
        model_ = std::move(left);
    }
    void erase_strided() {
        stride s = any_stride();
        s.n = std::min(s.n, count() / 8);
        tree_.erase_strided(edit_, s.pos, s.step, s.n, spiller());
        std::vector<bool> gone(count());
        for (std::uint64_t i = 0; i != s.n; ++i)
            gone[s[i]] = true;
        remove(gone);
    }
    void erase_at() {
        auto const p = any_positions(true);
        tree_.erase_at(edit_, p, spiller());
        std::vector<bool> gone(count());
        for (std::uint64_t const i : p)
            gone[i] = true;
        remove(gone);
    }
    void write() {
        std::uint64_t const pos = upto(count());
        bytes const v = values(skewed(count() - pos));
        tree_.write(edit_, pos, v);
        std::copy(v.begin(), v.end(), it(pos));
    }
    void write_strided() {
        stride const s = any_stride();
        bytes const v = values(s.n);
        tree_.write_strided(edit_, s.pos, s.step, v, spiller());
        for (std::uint64_t i = 0; i != s.n; ++i)
            std::memcpy(at(s[i]), v.data() + i * size_, size_);
    }
    void write_at() {
        auto const p = any_positions(true);
        auto const order = any_order(p.size());
        bytes const v = values(p.size());
        tree_.write_at(edit_, p, order, v, spiller());
        for (std::size_t i = 0; i != p.size(); ++i)
            std::memcpy(at(p[i]),
                        v.data() + (order.empty() ? i : order[i]) * size_,
                        size_);
    }
    void read() {
        std::uint64_t const pos = upto(count());
        bytes out(static_cast<std::size_t>(skewed(count() - pos) * size_));
        tree_.read(pos, out);
        BOOST_REQUIRE(std::equal(out.begin(), out.end(), it(pos)));
    }
    void read_strided() {
        stride const s = any_stride();
        bytes out(static_cast<std::size_t>(s.n * size_));
        tree_.read_strided(s.pos, s.step, out);
        for (std::uint64_t i = 0; i != s.n; ++i)
            BOOST_REQUIRE(std::memcmp(at(s[i]), out.data() + i * size_, size_)
                          == 0);
    }
    void read_at() {
        auto const p = any_positions(false);
        auto const order = any_order(p.size());
        bytes out(p.size() * size_);
        tree_.read_at(p, order, out);
        for (std::size_t i = 0; i != p.size(); ++i)
            BOOST_REQUIRE(
                std::memcmp(at(p[i]),
                            out.data() + (order.empty() ? i : order[i]) * size_,
                            size_)
                == 0);
    }

    struct kept {
        detail::rope_root root;
        bytes model;
        typename edit_type::mark mark;
    };
    void savepoint() {
        if (savepoints_.size() > 4)
            return;
        savepoints_.push_back({tree_.root(), model_, edit_.position()});
        edit_.new_token();
    }
    void rollback() {
        if (savepoints_.empty())
            return;
        kept k = std::move(savepoints_.back());
        savepoints_.pop_back();
        tree_.set_root(k.root);
        model_ = k.model;
        edit_.freed.erase(edit_.freed.begin()
                              + static_cast<std::ptrdiff_t>(k.mark.freed),
                          edit_.freed.end());
        for (std::size_t i = k.mark.allocated; i != edit_.allocated.size(); ++i)
            file_.pages.release(edit_.allocated[i]);
        edit_.allocated.resize(k.mark.allocated);
        edit_.new_token();
        compare();
    }
    void rollback_all() {
        while (!savepoints_.empty())
            rollback();
    }
    void commit() {
        savepoints_.clear();
        file_.commit(edit_);
        snapshots_.push_back({tree_.root(), model_, {}});
        if (snapshots_.size() > 3)
            snapshots_.erase(snapshots_.begin());
        file_.check_pages(tree_);
    }
    void checkpoint() {
        written_ = write_out(file_, tree_);
        file_.check_pages(tree_);
    }
    void reload() {
        detail::rope_root root{
            detail::child_ref(written_.place, written_.checksum),
            tree_.root().height, tree_.root().size};
        tree_.nodes().check_root(root);
        tree_.set_root(std::move(root));
    }
    void spill() {
        auto spill = spiller();
        detail::rope_root root = tree_.root();
        tree_.set_root({});
        spill(root);
        tree_.set_root(std::move(root));
    }
    auto spiller() {
        return [this](detail::rope_root& root) {
            detail::rope_spill<Policies> spill(tree_.editing(edit_));
            detail::page_writer<Policies> out(file_.pages, spill.pages(root),
                                              edit_.allocated);
            spill(root, out);
        };
    }

    void compare() { BOOST_REQUIRE(contents(tree_) == model_); }

    /// Older versions still read what they held.
    void check_kept() {
        tree_type other(file_.pages, tree_.element());
        for (auto const* list : {&snapshots_, &savepoints_})
            for (kept const& k : *list) {
                other.set_root(k.root);
                BOOST_REQUIRE(contents(other) == k.model);
                require_sound(other, false);
            }
    }

    std::mt19937_64 random_;
    file<Policies> file_;
    tree_type tree_;
    edit_type edit_;
    std::size_t size_;
    std::uint64_t leaves_; ///< about as many as the tree may have
    bytes model_;
    std::vector<kept> savepoints_;
    std::vector<kept> snapshots_;
    detail::placed_root written_;
};

/// One script with the element size known to the compiler, one without.
template <std::size_t Size, class Policies>
void run_scripts(int steps, std::uint64_t leaves) {
#ifdef NUMSTORE_TEST_THINNED
    steps /= 3;
#endif
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << seed() << ", elements of " << Size
                                        << " bytes, pages of "
                                        << Policies::page_size) {
        script<detail::fixed_element<Size>, Policies>({}, seed(), leaves)
            .run(steps);
        script<detail::dynamic_element, Policies>(detail::dynamic_element{Size},
                                                  seed() + 1, leaves)
            .run(steps);
    }
}

} // namespace rope_test
