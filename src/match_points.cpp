// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "refine.hpp"
#include "search.hpp"
#include "sparse_scores.hpp"

#include <map>
#include <set>

namespace cv { namespace semcorr {

// A point between source cells is matched by the scores of the four around it, mixed bilinearly, before the best target is
// taken: where neighbours disagree, a mean of their targets would lie on neither (our choice; measures better).
struct Corners
{
    int cell[4];  // row-major cells of grid 1
    float weight[4];

    Corners(const Point2d& position, const Size& grid1)
    {
        const double x = position.x, y = position.y;
        const int x0 = std::max(std::min((int)x, grid1.width - 2), 0), x1 = std::min(x0 + 1, grid1.width - 1);
        const int y0 = std::max(std::min((int)y, grid1.height - 2), 0), y1 = std::min(y0 + 1, grid1.height - 1);
        const float u = (float)(x - x0), v = (float)(y - y0);
        const int cells[] = { y0 * grid1.width + x0, y0 * grid1.width + x1, y1 * grid1.width + x0, y1 * grid1.width + x1 };
        const float weights[] = { (1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u };
        std::copy(cells, cells + 4, cell);
        std::copy(weights, weights + 4, weight);
    }
};

// All targets are candidates
static PointMatch matchDense(const SearchResult& result, const Corners& corners, const Size& grid2)
{
    std::vector<float> mixed(grid2.area(), 0.f);
    for (int i = 0; i < 4; i++)
    {
        const float* scores = result.scoresOf(corners.cell[i]);
        for (size_t j = 0; j < mixed.size(); j++)
            mixed[j] += corners.weight[i] * scores[j];
    }
    const int best = (int)(std::max_element(mixed.begin(), mixed.end()) - mixed.begin());
    PointMatch match = { Point(best % grid2.width, best / grid2.width), std::vector<float>(AROUND) };
    scoresAround(mixed.data(), grid2, match.target, match.around.data());
    return match;
}

// Row-major targets that are candidates in PatchMatch mode: those around the targets of the four cells
static std::set<int> candidatesOf(const Corners& corners, const SearchResult& result, const Size& grid2)
{
    std::set<int> candidates;
    for (int i = 0; i < 4; i++)
    {
        const Point t(result.targets.ptr<Point2f>()[corners.cell[i]]);
        for (int y = std::max(t.y - AROUND_RADIUS, 0); y <= std::min(t.y + AROUND_RADIUS, grid2.height - 1); y++)
            for (int x = std::max(t.x - AROUND_RADIUS, 0); x <= std::min(t.x + AROUND_RADIUS, grid2.width - 1); x++)
                candidates.insert(y * grid2.width + x);
    }
    return candidates;
}

// wanted: row-major target cells by source cell
static BlockLists blocksOf(const std::map<int, std::set<int> >& wanted, const SearchTask& task)
{
    const BlockGrid blocks(task.grid2());
    BlockLists lists;
    lists.first.assign(task.grid1().area() + 1, 0);
    for (int p = 0; p < task.grid1().area(); p++)
    {
        const std::map<int, std::set<int> >::const_iterator targets = wanted.find(p);
        std::set<int> ids;
        if (targets != wanted.end())
            for (std::set<int>::const_iterator t = targets->second.begin(); t != targets->second.end(); ++t)
                ids.insert(blocks.blockOf(Point(*t % blocks.grid.width, *t / blocks.grid.width)));
        lists.blocks.insert(lists.blocks.end(), ids.begin(), ids.end());
        lists.first[p + 1] = (int)lists.blocks.size();
    }
    return lists;
}

static PointMatch matchSparsely(const SparseScores& scores, const Corners& corners, const std::set<int>& candidates, const Size& grid2)
{
    std::map<int, float> mixed;
    int best = *candidates.begin();
    for (std::set<int>::const_iterator q = candidates.begin(); q != candidates.end(); ++q)
    {
        float sum = 0;
        for (int i = 0; i < 4; i++)
            sum += corners.weight[i] * scores.at(corners.cell[i], Point(*q % grid2.width, *q / grid2.width));
        mixed[*q] = sum;
        if (sum > mixed[best])
            best = *q;
    }
    PointMatch match = { Point(best % grid2.width, best / grid2.width), std::vector<float>(AROUND, -FLT_MAX) };
    for (int i = 0; i < AROUND; i++)
    {
        const Point q = match.target + Point(i % AROUND_SIDE - AROUND_RADIUS, i / AROUND_SIDE - AROUND_RADIUS);
        const std::map<int, float>::const_iterator found = mixed.find(q.y * grid2.width + q.x);
        if ((unsigned)q.x < (unsigned)grid2.width && found != mixed.end())
            match.around[i] = found->second;
    }
    return match;
}

std::vector<int> cellsAround(const std::vector<Point2d>& positions, const Size& grid1)
{
    std::set<int> cells;
    for (size_t i = 0; i < positions.size(); i++)
    {
        const Corners corners(positions[i], grid1);
        cells.insert(corners.cell, corners.cell + 4);
    }
    return std::vector<int>(cells.begin(), cells.end());
}

std::vector<PointMatch> matchPoints(const SearchTask& task, const SearchResult& result, const std::vector<Point2d>& positions)
{
    std::vector<PointMatch> matches;
    if (!result.scores.empty() || positions.empty())
    {
        for (size_t i = 0; i < positions.size(); i++)
            matches.push_back(matchDense(result, Corners(positions[i], task.grid1()), task.grid2()));
        return matches;
    }
    std::vector<std::set<int> > candidates;
    std::map<int, std::set<int> > wanted;
    for (size_t i = 0; i < positions.size(); i++)
    {
        const Corners corners(positions[i], task.grid1());
        candidates.push_back(candidatesOf(corners, result, task.grid2()));
        for (int j = 0; j < 4; j++)
            wanted[corners.cell[j]].insert(candidates[i].begin(), candidates[i].end());
    }
    const BlockLists lists = blocksOf(wanted, task);
    const SparseScores scores(task, lists, task.params.memoryLimit);
    for (size_t i = 0; i < positions.size(); i++)
        matches.push_back(matchSparsely(scores, Corners(positions[i], task.grid1()), candidates[i], task.grid2()));
    return matches;
}

}}
