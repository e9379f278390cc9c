// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "diagonal_maxima.hpp"
#include "pair_scorer.hpp"
#include "patchmatch.hpp"
#include "rounded_scorer.hpp"
#include "search.hpp"
#include "start_agreement.hpp"
#include <atomic>
#include <numeric>

namespace cv { namespace semcorr {

namespace {

// Correlations of small grids are kept if all scores are exact: up to about 28² with 28² cells
const size_t KEEP_BYTES = 4 << 20;
// Rounded scores below a cell's best by more than a part of the scores' standard deviation get no exact one. It is to be so many
// standard deviations of the rounding error.
const double LIKELY = 0.03, ROUNDING_DEVIATIONS = 2;
const int MIN_DISTANCE = 2;  // of two hypotheses of a cell, in cells: nearer ones are reached by local refinement

// What one round of the search scored
struct Round
{
    BlockLists lists;
    std::vector<float> scores;  // {blocks, BLOCK}
    std::vector<float> best;    // highest score of each block, and its target
    std::vector<int> targets;

    enum { BYTES_PER_BLOCK = sizeof(int) + (BLOCK + 1) * sizeof(float) + sizeof(int) };

    size_t bytes() const
    {
        return lists.bytes() + (scores.capacity() + best.capacity()) * sizeof(float) + targets.capacity() * sizeof(int);
    }
};

class Search
{
public:
    // outside: bytes that are held besides
    Search(const FeaturePyramid& levels1, const FeaturePyramid& levels2, const ConsensusNet& net, const Matcher::Params& params,
           int around, size_t outside);

    PatchMatchResult run();

private:
    void search();
    Mat starts();
    Mat startsOfCoarseSearch();
    bool searchedCoarse() const;
    void roundFeatures();

    typedef std::vector<int> List;
    typedef std::function<void(int cell1, List& fresh)> Proposer;

    void searchRounded();
    void scoreStarts();
    void makePasses();
    void scoreLikely();
    double roundingError() const;
    bool hasOthers(int cell1, const Mat& targets) const;
    bool overtakes(int cell1, const Mat& scores) const;
    void proposeRounded(int cell1, float below, List& fresh) const;

    bool scoreNew(const Proposer& propose);
    void bestOfBlocks(Round& round);
    int bestOfBlock(Round& round, int i) const;
    void chooseHypotheses(const Round& last);
    void chooseAll();
    bool choose(int cell1);
    int bestApart(int cell1, const int* others, int count, float* score) const;

    void propose(int cell1, const Point& target, List& fresh, size_t firstRound = 0) const;
    void proposeStarts(const Mat& starts, int cell1, List& fresh) const;
    void propagate(int cell1, List& fresh) const;
    void proposeNear(int cell1, const Mat& targets, List& fresh) const;
    void refine(int cell1, List& fresh) const;
    void refine(int cell1, int k, List& fresh) const;
    void searchRandomly(int cell1, int iteration, List& fresh) const;
    void proposeAround(int cell1, List& fresh) const;

    float scoreOf(int cell1, const Point& target) const;
    Point2f fallOf(int cell1, int k) const;
    float expected(int cell1, const Point& target, int knownCell1, int k, const Point2f& fall) const;
    bool isNew(int cell1, const Point& target, size_t firstRound = 0) const;
    bool wasScored(int cell1, int block, size_t firstRound) const;
    Mat field() const;
    Mat scoresAround() const;
    size_t bytesHeld() const;
    size_t bytesWith(size_t bytes) const;
    void reserve(size_t bytes);

    int neighbourOf(int cell1, const Point& offset) const;
    Point cellOf1(int index) const { return cellAt(grid1, index); }
    Point cellOf2(int index) const { return cellAt(blocks.grid, index); }

    const FeaturePyramid levels1, levels2;
    const ConsensusNet& net;
    const Matcher::Params params;
    const int around;
    const size_t outside;
    const Size grid1;
    const bool rounding;  // rounded scores come first
    const LazyCorrelation correlation;
    const BlockGrid blocks;
    std::vector<Point> offsets;
    std::vector<Round> rounds;
    size_t roundedRounds;  // have rounded scores, once exact ones are asked for: the first ones
    Mat beginnings;  // {cells of grid 1, any} target cells of the start, until they are scored
    Mat hypotheses;  // {cells of grid 1, params.hypotheses} row-major target cells, best first, −1 for none
    Mat best;        // of the same shape, their scores, −FLT_MAX for none
    std::vector<uchar> changed;  // {cells of grid 1} whether neighbours are to look at the hypotheses, which they did not so far
    Ptr<PairScorer> scorer;
    Ptr<RoundedPair> roundedFeatures;  // as long as they are in use
    Ptr<PairScorer> rounded;           // likewise
    PatchMatchResult result;
};

// From a target cell to the nearest column and row of other blocks
Point outOfBlock(const Point& q)
{
    return Point(q.x % BLOCK_SIDE ? 1 : -1, q.y % BLOCK_SIDE ? 1 : -1);
}

std::vector<Point> offsetsOf(int pattern)
{
    std::vector<Point> result;
    for (int d = 1; d <= (pattern == OFFSETS_AXES ? 1 : 5); d += 2)
    {
        const Point axes[] = { Point(0, -d), Point(-d, 0), Point(d, 0), Point(0, d) };
        result.insert(result.end(), axes, axes + 4);
    }
    for (int y = -2; y <= 2 && pattern != OFFSETS_AXES; y++)
        for (int x = -2; x <= 2; x++)
            if (x * x + y * y == 5)
                result.push_back(Point(x, y));
    return result;
}

void checkMemory(const Size& grid1, const Size& grid2, size_t bytes, size_t memoryLimit)
{
    if (bytes > memoryLimit)
        CV_Error(Error::StsNoMem, format("PatchMatch on %dx%d with %dx%d cells needs %.1f MB of workspace or more and memoryLimit "
                                         "is %.1f MB; raise memoryLimit, use smaller grids or fewer threads",
                                         grid1.height, grid1.width, grid2.height, grid2.width, bytes / 1e6, memoryLimit / 1e6));
}

// Before anything is allocated: throws if not even what every search holds fits beside `outside` bytes. Returns these.
size_t checkLeast(const Mat& f1, const Mat& f2, const Matcher::Params& params, size_t outside)
{
    const Size grid1(f1.size[1], f1.size[0]), grid2(f2.size[1], f2.size[0]);
    const size_t hypotheses = (size_t)grid1.area() * params.hypotheses * (sizeof(int) + sizeof(float));
    checkMemory(grid1, grid2, outside + LazyCorrelation::packedBytes(grid2, f2.size[2]) + hypotheses, params.memoryLimit);
    return outside;
}

Search::Search(const FeaturePyramid& levels1_, const FeaturePyramid& levels2_, const ConsensusNet& net_,
               const Matcher::Params& params_, int around_, size_t outside_)
    : levels1(levels1_), levels2(levels2_), net(net_), params(params_), around(around_),
      outside(checkLeast(levels1[0], levels2[0], params, outside_)),
      grid1(levels1[0].size[1], levels1[0].size[0]), rounding(roundsScores(net, grid1)),
      correlation(levels1[0], levels2[0], params.mutual, rounding ? 0 : std::min(KEEP_BYTES, params.memoryLimit / 4)),
      blocks(correlation.view().grid2), offsets(offsetsOf(params_.offsets)), roundedRounds(0),
      hypotheses(grid1.area(), params_.hypotheses, CV_32S, Scalar(-1)), best(hypotheses.size(), CV_32F, Scalar(-FLT_MAX)),
      changed(grid1.area()), result()
{
    // the other half of what is left is for the lists of scored blocks
    const size_t used = outside + bytesHeld();
    scorer = createPairScorer(correlation, net, (params.memoryLimit - std::min(used, params.memoryLimit)) / 2);
}

PatchMatchResult Search::run()
{
    search();
    scoreNew([&](int p, List& fresh) { proposeAround(p, fresh); });
    result.around = scoresAround();
    result.targets = field();
    result.best = best.col(0).clone().reshape(1, grid1.height);
    return result;
}

void Search::search()
{
    beginnings = starts();
    reserve(sharedStartBytes(grid1, beginnings.cols));
    beginnings = withSharedStarts(beginnings, grid1, blocks.grid);
    if (rounding)
        searchRounded();
    else
        scoreStarts();
    makePasses();
}

// A search by rounded scores, where they are faster. Exact ones come last.
void Search::searchRounded()
{
    roundFeatures();
    const size_t bytes = roundedBytes(correlation.view());
    reserve(bytes);
    const size_t used = outside + bytesHeld() + bytes, left = params.memoryLimit - std::min(used, params.memoryLimit);
    rounded = createRoundedScorer(*roundedFeatures, correlation, net, left / 2);
    scoreStarts();
    makePasses();
    roundedRounds = rounds.size();
    reserve(0);
    rounded.release();
    roundedFeatures.release();
    scoreLikely();
}

void Search::scoreStarts()
{
    scoreNew([&](int p, List& fresh) { proposeStarts(beginnings, p, fresh); });
    beginnings.release();
    chooseAll();
}

void Search::makePasses()
{
    while (!searchedCoarse() && result.iterations < params.iterations)
    {
        // all cells look at what the pass before left, so that their order does not matter
        const int iteration = result.iterations + 1;
        const bool found = scoreNew([&](int p, List& fresh)
        {
            propagate(p, fresh);
            if (changed[p])
                refine(p, fresh);
            if (params.randomSearch)
                searchRandomly(p, iteration, fresh);
        });
        if (!found)
            break;
        chooseHypotheses(rounds.back());
        result.iterations = iteration;
    }
}

// Exact scores of what rounded ones leave over; if they tell too little, of all
void Search::scoreLikely()
{
    Scalar mean, deviation;
    meanStdDev(rounds[0].best, mean, deviation);
    const double likely = LIKELY * deviation[0];
    scoreNew([&](int p, List& fresh)
    {
        proposeRounded(p, (float)likely, fresh);
        proposeAround(p, fresh);  // wanted in the end, and cheaper together
    });
    const bool telling = ROUNDING_DEVIATIONS * roundingError() <= likely;
    if (!telling)
        scoreNew([&](int p, List& fresh) { proposeRounded(p, FLT_MAX, fresh); });
    reserve(hypotheses.total() * sizeof(int) + grid1.area() * sizeof(float));
    const Mat targets = hypotheses.clone(), scores = best.col(0).clone();
    chooseAll();
    for (int p = 0; p < grid1.area() && telling; p++)
        changed[p] = hasOthers(p, targets) || overtakes(p, scores);
}

// Whether a cell has a hypothesis that is not among `targets` of before
bool Search::hasOthers(int cell1, const Mat& targets) const
{
    const int *before = targets.ptr<int>(cell1), *end = before + targets.cols, *now = hypotheses.ptr<int>(cell1);
    return std::any_of(now, now + hypotheses.cols, [&](int target) { return target >= 0 && std::find(before, end, target) == end; });
}

// Whether a cell's best match scores higher than what a neighbour has, which by `scores` of before it did not, so that the neighbour did
// not look at it
bool Search::overtakes(int cell1, const Mat& scores) const
{
    for (size_t i = 0; i < offsets.size(); i++)
    {
        const int neighbour = neighbourOf(cell1, offsets[i]);
        if (neighbour >= 0 && best.at<float>(cell1, 0) > best.at<float>(neighbour, 0) &&
            !(scores.at<float>(cell1) > scores.at<float>(neighbour)))
            return true;
    }
    return false;
}

// Standard deviation of the errors of the cells' best rounded scores
double Search::roundingError() const
{
    Mat errors(grid1.area(), 1, CV_32F, Scalar(0));
    const Round& exact = rounds[roundedRounds];
    for (int p = 0; p < grid1.area(); p++)
    {
        const int block = blocks.blockOf(cellOf2(hypotheses.at<int>(p, 0)));
        for (int i = exact.lists.first[p]; i < exact.lists.first[p + 1]; i++)
            if (exact.lists.blocks[i] == block)
                errors.at<float>(p) = exact.best[i] - best.at<float>(p, 0);
    }
    Scalar mean, deviation;
    meanStdDev(errors, mean, deviation);
    return deviation[0];
}

// Blocks whose rounded score is not far below the best, without an exact one
void Search::proposeRounded(int cell1, float below, List& fresh) const
{
    for (size_t r = 0; r < roundedRounds; r++)
        for (int i = rounds[r].lists.first[cell1]; i < rounds[r].lists.first[cell1 + 1]; i++)
        {
            const int block = rounds[r].lists.blocks[i];
            if (!(rounds[r].best[i] < best.at<float>(cell1, 0) - below) && !wasScored(cell1, block, roundedRounds))
                fresh.push_back(block);
        }
}

// Row-major target cells of each source cell, best first, −1 after the last
Mat Search::starts()
{
    if (beginsCoarse(params, grid1, blocks.grid))
        return startsOfCoarseSearch();
    if (params.init != INIT_RANDOM)
        roundFeatures();
    const size_t memory = params.memoryLimit - std::min(bytesWith(0), params.memoryLimit);
    reserve(startBytes(correlation, params.init, memory));
    const Mat targets = startTargets(roundedFeatures, correlation, params.init, params.seed, memory);
    if (!rounding)
        roundedFeatures.release();
    return targets;
}

void Search::roundFeatures()
{
    if (roundedFeatures)
        return;
    const int perWord = channelsPerWord();
    reserve(RoundedPair::bytes(grid1, blocks.grid, correlation.view().channels, perWord));
    roundedFeatures = makePtr<RoundedPair>(levels1[0], levels2[0], perWord);
}

// Whether a search of features of a coarser grid has done the passes. What it found is more often right than what scores high
// elsewhere on the fine grid, so that only its surroundings are scored here. Means of fine features are no such features.
bool Search::searchedCoarse() const
{
    return beginsCoarse(params, grid1, blocks.grid) && std::min(levels1.size(), levels2.size()) > 1;
}

// All levels but the first, or its pooled features
FeaturePyramid coarserLevels(const FeaturePyramid& levels, bool pooled)
{
    return pooled ? FeaturePyramid(1, poolFeatures(levels[0])) : FeaturePyramid(levels.begin() + 1, levels.end());
}

// Sides of coarse cells in fine ones, of grids that cover the same picture
Point2d scaleOf(const Size& fine, const Size& coarse)
{
    return Point2d((double)fine.width / coarse.width, (double)fine.height / coarse.height);
}

// Fine grids repeat themselves: a 5×5 patch is a small part of the picture there. What the consensus finds on a coarser grid is
// both cheaper and more often right than the best correlations of all cells.
Mat Search::startsOfCoarseSearch()
{
    const bool pooled = !searchedCoarse();
    const FeaturePyramid coarse1 = coarserLevels(levels1, pooled), coarse2 = coarserLevels(levels2, pooled);
    const size_t pooledBytes = pooled ? (coarse1[0].total() + coarse2[0].total()) * sizeof(float) : 0;
    Search coarse(coarse1, coarse2, net, params, 0, bytesWith(pooledBytes));
    coarse.search();
    coarse.scorer.release();
    result.iterations = searchedCoarse() ? coarse.result.iterations : 0;
    result.pairsScored += coarse.result.pairsScored;
    result.hiddenSites += coarse.result.hiddenSites;
    result.peakWorkspace = std::max(result.peakWorkspace, coarse.result.peakWorkspace);
    const Point2d two(2, 2), scale1 = pooled ? two : scaleOf(grid1, coarse.grid1);
    const Point2d scale2 = pooled ? two : scaleOf(blocks.grid, coarse.blocks.grid);
    reserve(pooledBytes + coarse.bytesHeld() + (size_t)grid1.area() * coarse.hypotheses.cols * sizeof(int));
    return finerTargets(coarse.hypotheses, coarse.grid1, coarse.blocks.grid, scale1, scale2, correlation);
}

// A round: every source cell lists the blocks that it wants and has not scored, and they are scored. False if there are none.
bool Search::scoreNew(const Proposer& proposer)
{
    std::vector<List> rows(grid1.height);
    Round round;
    round.lists.first.assign(grid1.area() + 1, 0);
    std::atomic<size_t> count(0);
    const auto roundBytes = [&] { return round.lists.bytes() + count * Round::BYTES_PER_BLOCK; };
    parallel_for_(Range(0, grid1.height), [&](const Range& range)
    {
        List fresh;
        for (int y = range.start; y < range.end && bytesWith(roundBytes()) <= params.memoryLimit; y++)
        {
            for (int p = y * grid1.width; p < (y + 1) * grid1.width; p++)
            {
                fresh.clear();
                proposer(p, fresh);
                rows[y].insert(rows[y].end(), fresh.begin(), fresh.end());
                round.lists.first[p + 1] = (int)fresh.size();
            }
            count += rows[y].size();
        }
    });
    if (count == 0)
        return false;
    const size_t bytes = roundBytes();
    reserve(bytes);  // throws where rows were left out
    for (int p = 0; p < grid1.area(); p++)
        round.lists.first[p + 1] += round.lists.first[p];
    round.lists.blocks.reserve(count);
    for (size_t y = 0; y < rows.size(); y++)
    {
        round.lists.blocks.insert(round.lists.blocks.end(), rows[y].begin(), rows[y].end());
        List().swap(rows[y]);
    }
    round.scores.resize(count * BLOCK);
    PairScorer& with = rounded ? *rounded : *scorer;
    const size_t others = bytesWith(bytes) - with.workspace();
    with.limitWorkspace(params.memoryLimit - std::min(others, params.memoryLimit));
    const int64 sites = with.hiddenSites();
    with.score(round.lists, round.scores.data());
    result.hiddenSites += with.hiddenSites() - sites;
    bestOfBlocks(round);
    result.peakWorkspace = std::max(result.peakWorkspace, bytesWith(round.bytes()));
    rounds.push_back(std::move(round));
    return true;
}

void Search::bestOfBlocks(Round& round)
{
    const int count = (int)round.lists.blocks.size();
    round.best.resize(count);
    round.targets.resize(count);
    std::vector<int64> scored(grid1.height);
    parallel_for_(Range(0, grid1.height), [&](const Range& range)
    {
        for (int y = range.start; y < range.end; y++)
            for (int i = round.lists.first[y * grid1.width]; i < round.lists.first[(y + 1) * grid1.width]; i++)
                scored[y] += bestOfBlock(round, i);
    });
    result.pairsScored = std::accumulate(scored.begin(), scored.end(), result.pairsScored);
}

// Returns how many cells of a block lie in grid 2.
int Search::bestOfBlock(Round& round, int i) const
{
    const Point q = blocks.cellOf(round.lists.blocks[i], 0);
    const int width = std::min<int>(blocks.grid.width - q.x, BLOCK_SIDE), height = std::min<int>(blocks.grid.height - q.y, BLOCK_SIDE);
    const float* scores = &round.scores[(size_t)i * BLOCK];
    int highest = 0;
    for (int j = 1; j < BLOCK; j++)
        highest = j % BLOCK_SIDE < width && j / BLOCK_SIDE < height && scores[j] > scores[highest] ? j : highest;
    round.best[i] = scores[highest];
    round.targets[i] = (q.y + highest / BLOCK_SIDE) * blocks.grid.width + q.x + highest % BLOCK_SIDE;
    return width * height;
}

void Search::chooseHypotheses(const Round& last)
{
    parallel_for_(Range(0, grid1.height), [&](const Range& range)
    {
        for (int p = range.start * grid1.width; p < range.end * grid1.width; p++)
            changed[p] = last.lists.first[p] < last.lists.first[p + 1] && choose(p);
    });
}

void Search::chooseAll()
{
    parallel_for_(Range(0, grid1.area()), [&](const Range& range)
    {
        for (int p = range.start; p < range.end; p++)
            choose(p);
    });
    std::fill(changed.begin(), changed.end(), (uchar)1);
}

// Whether a cell's hypotheses are other ones than before
bool Search::choose(int cell1)
{
    int* chosen = hypotheses.ptr<int>(cell1);
    AutoBuffer<int> before(hypotheses.cols);
    std::copy_n(chosen, hypotheses.cols, before.data());
    std::fill_n(chosen, hypotheses.cols, -1);
    for (int k = 0; k < hypotheses.cols && (k == 0 || chosen[k - 1] >= 0); k++)
        chosen[k] = bestApart(cell1, chosen, k, best.ptr<float>(cell1) + k);
    return !std::equal(chosen, chosen + hypotheses.cols, before.data());
}

// The best target of all that were scored for a cell that lies at least MIN_DISTANCE cells from `count` others; −1 if none does
int Search::bestApart(int cell1, const int* others, int count, float* score) const
{
    int target = -1;
    float highest = 0;
    for (size_t r = roundedRounds; r < rounds.size(); r++)
        for (int i = rounds[r].lists.first[cell1]; i < rounds[r].lists.first[cell1 + 1]; i++)
        {
            const int t = rounds[r].targets[i];
            const float s = rounds[r].best[i];
            if (target >= 0 && !(s > highest || (s == highest && t < target)))
                continue;
            bool apart = true;
            for (int j = 0; j < count && apart; j++)
            {
                const Point d = cellOf2(t) - cellOf2(others[j]);
                apart = std::max(std::abs(d.x), std::abs(d.y)) >= MIN_DISTANCE;
            }
            if (apart)
            {
                target = t;
                highest = s;
            }
        }
    *score = target < 0 ? -FLT_MAX : highest;
    return target;
}

// Lists the block of a target if it lies in grid 2 and was not scored for this cell from a round on
void Search::propose(int cell1, const Point& target, List& fresh, size_t firstRound) const
{
    const int block = blocks.blockOf(target);
    if (std::find(fresh.begin(), fresh.end(), block) == fresh.end() && isNew(cell1, target, firstRound))
        fresh.push_back(block);
}

// Whether a target lies in grid 2 and its block was not scored for this cell from a round on
bool Search::isNew(int cell1, const Point& target, size_t firstRound) const
{
    return blocks.contains(target) && !wasScored(cell1, blocks.blockOf(target), firstRound);
}

bool Search::wasScored(int cell1, int block, size_t firstRound) const
{
    for (size_t r = firstRound; r < rounds.size(); r++)
    {
        const int* all = rounds[r].lists.blocks.data();
        const int *first = all + rounds[r].lists.first[cell1], *last = all + rounds[r].lists.first[cell1 + 1];
        if (std::find(first, last, block) != last)
            return true;
    }
    return false;
}

// All of them, and what lies around the best. The first pass would ask for most of this anyway, and in one round they share hidden
// activations.
void Search::proposeStarts(const Mat& starts, int cell1, List& fresh) const
{
    for (int k = 0; k < starts.cols && starts.at<int>(cell1, k) >= 0; k++)
        propose(cell1, cellOf2(starts.at<int>(cell1, k)), fresh);
    proposeNear(cell1, starts, fresh);
}

// −1 outside grid 1
int Search::neighbourOf(int cell1, const Point& offset) const
{
    const Point p = cellOf1(cell1) + offset;
    return isInside(grid1, p) ? p.y * grid1.width + p.x : -1;
}

// What neighbours match to, at the same displacement, if it is worth more there than what this cell has, and is expected to be worth
// more here, too. Those that match as before have told already.
void Search::propagate(int cell1, List& fresh) const
{
    const float own = best.at<float>(cell1, 0);
    for (size_t i = 0; i < offsets.size(); i++)
    {
        const int neighbour = neighbourOf(cell1, offsets[i]);
        if (neighbour < 0 || !changed[neighbour])
            continue;
        for (int k = 0; k < best.cols && best.at<float>(neighbour, k) > own; k++)  // hypotheses are sorted
        {
            const Point target = cellOf2(hypotheses.at<int>(neighbour, k)) - offsets[i];
            if (isNew(cell1, target) && expected(cell1, target, neighbour, k, fallOf(neighbour, k)) > own)
                propose(cell1, target, fresh);
        }
    }
}

// What lies around the first of a cell's targets, as many as it has hypotheses
void Search::proposeNear(int cell1, const Mat& targets, List& fresh) const
{
    for (int k = 0; k < std::min(targets.cols, params.hypotheses) && targets.at<int>(cell1, k) >= 0; k++)
        for (int dy = -params.localRadius; dy <= params.localRadius; dy++)
        {
            const int reach = params.localRadius - std::abs(dy);
            for (int dx = -reach; dx <= reach; dx++)
                propose(cell1, cellOf2(targets.at<int>(cell1, k)) + Point(dx, dy), fresh);
        }
}

// Local refinement of a cell's hypotheses
void Search::refine(int cell1, List& fresh) const
{
    if (params.localRadius != 1)
        return proposeNear(cell1, hypotheses, fresh);
    for (int k = 0; k < hypotheses.cols && hypotheses.at<int>(cell1, k) >= 0; k++)
        refine(cell1, k, fresh);
}

// One cell further are a column and a row of the block that was scored, and one of each next to it, which is scored if it is
// expected to be worth more than what the cell has. A score that falls much from this row to the other one of the block is likely to
// grow in the opposite direction, less so if it falls as much from column to column: then the match is narrow.
void Search::refine(int cell1, int k, List& fresh) const
{
    const Point q = cellOf2(hypotheses.at<int>(cell1, k)), out = outOfBlock(q);
    const Point2f fall = fallOf(cell1, k);
    const float own = best.at<float>(cell1, 0);
    const Point beside = q + Point(out.x, 0), above = q + Point(0, out.y);
    if (isNew(cell1, beside) && expected(cell1, beside, cell1, k, fall) + fall.x - fall.y / 2 > own)
        propose(cell1, beside, fresh);
    if (isNew(cell1, above) && expected(cell1, above, cell1, k, fall) + fall.y - fall.x / 2 > own)
        propose(cell1, above, fresh);
}

// What a new target may well be worth that nearly is the k-th hypothesis of a cell that nearly is this one. The part of a score that is a
// multiple of the correlation is known, the rest taken to be the same, and to err by a part of what it falls by within a block.
float Search::expected(int cell1, const Point& target, int knownCell1, int k, const Point2f& fall) const
{
    const int known2 = hypotheses.at<int>(knownCell1, k);
    const int cells1[] = { cell1, knownCell1 }, cells2[] = { target.y * blocks.grid.width + target.x, known2 };
    float c[2];
    correlation.pairs(cells1, cells2, 2, c);
    return best.at<float>(knownCell1, k) + (float)net.getResidual() * (c[0] - c[1]) + (fall.x + fall.y) / 3;
}

// By how much the k-th hypothesis of a cell scores more than the cells beside and above or below it in its block
Point2f Search::fallOf(int cell1, int k) const
{
    const Point q = cellOf2(hypotheses.at<int>(cell1, k)), out = outOfBlock(q);
    const float score = best.at<float>(cell1, k);
    const float beside = scoreOf(cell1, q - Point(out.x, 0)), above = scoreOf(cell1, q - Point(0, out.y));
    return Point2f(beside > -FLT_MAX ? score - beside : 0, above > -FLT_MAX ? score - above : 0);
}

void Search::searchRandomly(int cell1, int iteration, List& fresh) const
{
    const Point centre = cellOf2(hypotheses.at<int>(cell1, 0));
    int draw = 0;
    for (int radius = std::max(blocks.grid.width, blocks.grid.height); radius >= 1; radius /= 2)
    {
        const int dx = randomBelow(2 * radius + 1, params.seed, iteration, cell1, draw++) - radius;
        const int dy = randomBelow(2 * radius + 1, params.seed, iteration, cell1, draw++) - radius;
        propose(cell1, centre + Point(dx, dy), fresh);
    }
}

void Search::proposeAround(int cell1, List& fresh) const
{
    const Point centre = cellOf2(hypotheses.at<int>(cell1, 0));
    for (int dy = -around; dy <= around; dy++)
        for (int dx = -around; dx <= around; dx++)
            if (around > 1 || dx == 0 || dy == 0)
                propose(cell1, centre + Point(dx, dy), fresh, roundedRounds);
}

float Search::scoreOf(int cell1, const Point& target) const
{
    if (!blocks.contains(target))
        return -FLT_MAX;
    const int block = blocks.blockOf(target);
    for (size_t r = rounds.size(); r-- > 0; )  // an exact score comes later than a rounded one
        for (int i = rounds[r].lists.first[cell1]; i < rounds[r].lists.first[cell1 + 1]; i++)
            if (rounds[r].lists.blocks[i] == block)
                return rounds[r].scores[(size_t)i * BLOCK + BlockGrid::indexIn(target)];
    return -FLT_MAX;
}

Mat Search::scoresAround() const
{
    const int side = 2 * around + 1;
    Mat scoresOfAll(grid1, CV_32FC(side * side));
    parallel_for_(Range(0, grid1.height), [&](const Range& range)
    {
        for (int p = range.start * grid1.width; p < range.end * grid1.width; p++)
        {
            const Point centre = cellOf2(hypotheses.at<int>(p, 0));
            float* scores = scoresOfAll.ptr<float>() + (size_t)p * side * side;
            for (int j = 0; j < side * side; j++)
                scores[j] = scoreOf(p, centre + Point(j % side - around, j / side - around));
        }
    });
    return scoresOfAll;
}

Mat Search::field() const
{
    Mat m(grid1, CV_32FC2);
    for (int p = 0; p < grid1.area(); p++)
        m.at<Point2f>(p / grid1.width, p % grid1.width) = Point2f(cellOf2(hypotheses.at<int>(p, 0)));
    return m;
}

size_t Search::bytesHeld() const
{
    size_t bytes = correlation.bytes() + (beginnings.total() + hypotheses.total() + best.total()) * sizeof(float);
    if (roundedFeatures)
        bytes += RoundedPair::bytes(grid1, blocks.grid, correlation.view().channels, roundedFeatures->first.perWord);
    if (rounded)
        bytes += rounded->workspace();
    for (size_t r = 0; r < rounds.size(); r++)
        bytes += rounds[r].bytes();
    return bytes;
}

// What is held, the scorer's memory, and `bytes` more
size_t Search::bytesWith(size_t bytes) const
{
    return outside + bytesHeld() + scorer->workspace() + bytes;
}

// Called before `bytes` more are allocated
void Search::reserve(size_t bytes)
{
    const size_t all = bytesWith(bytes);
    checkMemory(grid1, blocks.grid, all, params.memoryLimit);
    result.peakWorkspace = std::max(result.peakWorkspace, all);
}

}

// The best correlations of all pairs are cheap up to here.
bool beginsCoarse(const Matcher::Params& params, const Size& grid1, const Size& grid2)
{
    return params.init == INIT_COARSE_TO_FINE && (double)grid1.area() * grid2.area() > 128. * 128 * 128 * 128;
}

PatchMatchResult patchMatch(const FeaturePyramid& levels1, const FeaturePyramid& levels2, const ConsensusNet& net,
                            const Matcher::Params& params, int around)
{
    CV_INSTRUMENT_REGION();
    return Search(levels1, levels2, net, params, around, 0).run();
}

}}
