// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "best_matches.hpp"
#include "consensus_net.hpp"
#include "dense_stream.hpp"
#include "refine.hpp"
#include "sparse_scores.hpp"

namespace cv { namespace semcorr {

// Blocks of 2×2 targets that 5×5 cells touch
enum { AROUND_BLOCKS = (AROUND_SIDE / BLOCK_SIDE + 1) * (AROUND_SIDE / BLOCK_SIDE + 1) };

static Mat flat(const Mat& features)
{
    return features.reshape(1, features.size[0] * features.size[1]);
}

DenseStream::DenseStream(const SearchTask& task_, bool wantBack_, SearchResult& result_)
    : task(task_), wantBack(wantBack_), result(result_), f1(flat(task.f1)), f2(flat(task.f2))
{
    static_assert(PAIR_CELLS % CORRELATION_PANEL == 0, "what is read begins with a whole panel");
    result.targets = Mat::zeros(task.grid1(), CV_32FC2);
    result.best = Mat(task.grid1(), CV_32F, Scalar(-std::numeric_limits<float>::infinity()));
    result.around.create(task.grid1(), CV_32FC(AROUND));
    result.around.reshape(1).setTo(-FLT_MAX);
    result.kept = task.keep;
    if (!task.keep.empty())
        result.scores.create((int)task.keep.size(), task.grid2().area(), CV_32F);
}

size_t DenseStream::workspace(const SearchTask& task)
{
    const NetCost cost = task.net.cost(task.grids(), true);
    const size_t n1 = task.grid1().area(), n2 = task.grid2().area(), found = sizeof(float) + sizeof(int);
    const size_t sweep = cost.workspace + PackedFeatures::bytes((int)n2, task.f2.size[2]) + n1 * cost.parts[0] * found +
                         n2 * cost.parts[1] * cost.parts[2] * found;
    const size_t around = cost.parts[0] > 1 && task.params.refine != REFINE_NONE ? SparseScores::bytes(task, n1 * AROUND_BLOCKS) : 0;
    return std::max(sweep, around) + task.keep.size() * n2 * sizeof(float);
}

void DenseStream::run()
{
    task.net.forward(task.grids(), *this);
    mergeTargets();
    if (wantBack)
        mergeSources();
    if (units[0].cells.size() < task.grid2().area() && task.params.refine != REFINE_NONE)
        scoreAround();
}

void DenseStream::prepare(int n)
{
    units.resize(n);
}

void DenseStream::begin(int u, const Rect& source, const Range& cells)
{
    Unit& unit = units[u];
    unit.source = source;
    unit.cells = cells;
    unit.best1.resize(source.area());
    unit.targets.resize(source.area());
    if (wantBack)
    {
        unit.best2.assign(cells.size(), -std::numeric_limits<float>::infinity());
        unit.sources.assign(cells.size(), 0);
    }
}

void DenseStream::read(int y, const Range& columns, const Range& cells, float* src, size_t step) const
{
    const int row = y * task.grid1().width;
    f2.correlate(f1.rowRange(row + columns.start, row + columns.end), cells.start, cells.end, src, step);
}

void DenseStream::write(int u, const Point& cell1, const float* plane)
{
    Unit& unit = units[u];
    const Size grid2 = task.grid2();
    const int place = (cell1.y - unit.source.y) * unit.source.width + cell1.x - unit.source.x;
    const int index1 = cell1.y * task.grid1().width + cell1.x, n = unit.cells.size();
    const int target = indexOfBest(plane, n);
    unit.best1[place] = plane[target];
    unit.targets[place] = unit.cells.start + target;
    if (wantBack)
        keepBest(plane, n, index1, unit.best2.data(), unit.sources.data());
    if (n == grid2.area())
        scoresAround(plane, grid2, Point(target % grid2.width, target / grid2.width),
                     result.around.ptr<float>(cell1.y) + cell1.x * AROUND);
    const std::vector<int>::const_iterator kept = std::lower_bound(task.keep.begin(), task.keep.end(), index1);
    if (kept != task.keep.end() && *kept == index1)
        std::copy(plane, plane + n, result.scores.ptr<float>((int)(kept - task.keep.begin())) + unit.cells.start);
}

// Units of lower target cells come first, so that the lowest one wins ties. A not-a-number stays.
void DenseStream::mergeTargets()
{
    const int w2 = task.grid2().width;
    for (size_t u = 0; u < units.size(); u++)
        for (size_t i = 0; i < units[u].best1.size(); i++)
        {
            const Rect& source = units[u].source;
            const Point p = source.tl() + Point((int)i % source.width, (int)i / source.width);
            const float score = units[u].best1[i];
            float& best = result.best.at<float>(p);
            if (!(score > best) && score == score)
                continue;
            best = score;
            result.targets.at<Point2f>(p) = Point2f((float)(units[u].targets[i] % w2), (float)(units[u].targets[i] / w2));
        }
}

void DenseStream::mergeSources()
{
    const int w1 = task.grid1().width, n2 = task.grid2().area();
    std::vector<float> best(n2, -std::numeric_limits<float>::infinity());
    std::vector<int> sources(n2, 0);
    for (size_t u = 0; u < units.size(); u++)
        for (int i = 0; i < units[u].cells.size(); i++)
        {
            const int q = units[u].cells.start + i, source = units[u].sources[i];
            const float score = units[u].best2[i];
            if (score > best[q] || (score == best[q] && source < sources[q]))
            {
                best[q] = score;
                sources[q] = source;
            }
        }
    result.back.create(task.grid2(), CV_32FC2);
    for (int q = 0; q < n2; q++)
        result.back.ptr<Point2f>()[q] = Point2f((float)(sources[q] % w1), (float)(sources[q] / w1));
}

// Where planes are cut into bands, no unit sees all that is around a target: these few pairs are scored again.
void DenseStream::scoreAround()
{
    f2.release();
    units.clear();
    const BlockGrid blocks(task.grid2());
    const Size grid2 = task.grid2();
    const int n1 = task.grid1().area(), radius = AROUND_RADIUS;
    const Point2f* targets = result.targets.ptr<Point2f>();
    BlockLists lists;
    lists.first.assign(1, 0);
    for (int p = 0; p < n1; p++)
    {
        const Point q(targets[p]);
        for (int y = std::max(q.y - radius, 0) / BLOCK_SIDE; y <= std::min(q.y + radius, grid2.height - 1) / BLOCK_SIDE; y++)
            for (int x = std::max(q.x - radius, 0) / BLOCK_SIDE; x <= std::min(q.x + radius, grid2.width - 1) / BLOCK_SIDE; x++)
                lists.blocks.push_back(y * blocks.size.width + x);
        lists.first.push_back((int)lists.blocks.size());
    }
    const size_t kept = result.scores.total() * sizeof(float);
    const SparseScores scores(task, lists, task.params.memoryLimit - kept);
    for (int p = 0; p < n1; p++)
        for (int i = 0; i < AROUND; i++)
        {
            const Point q = Point(targets[p]) + Point(i % AROUND_SIDE - radius, i / AROUND_SIDE - radius);
            if (blocks.contains(q))
                result.around.ptr<float>()[(size_t)p * AROUND + i] = scores.at(p, q);
        }
    result.peakWorkspace = std::max(result.peakWorkspace, scores.peakWorkspace() + kept);
}

}}
