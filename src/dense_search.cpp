// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "consensus_net.hpp"
#include "dense_stream.hpp"
#include "refine.hpp"
#include "search.hpp"

namespace cv { namespace semcorr {

// Whether no volume of all pairs needs to be stored: the mutual filters and a second branch take whole volumes.
static bool isStreamed(const SearchTask& task)
{
    return task.net.streams() && !task.params.mutual && task.selfSimilarity.empty();
}

// The correlation, the net's activations, and the branch that waits; or a stream's memory
size_t denseWorkspace(const SearchTask& task)
{
    if (isStreamed(task))
        return DenseStream::workspace(task);
    const size_t volume = (size_t)task.grid1().area() * task.grid2().area() * sizeof(float);
    size_t bytes = 2 * volume + task.net.cost(task.grids()).workspace;
    if (!task.selfSimilarity.empty())
        bytes += volume + ((size_t)task.grid1().area() + task.grid2().area()) * task.selfSimilarity.channels() * sizeof(float);
    return bytes;
}

// One branch: correlation → soft mutual nearest neighbours → consensus → soft mutual nearest neighbours
static Mat branchScores(const Mat& f1, const Mat& f2, const ConsensusNet& net, bool mutual)
{
    Mat c, scores;
    correlate(f1, f2, c);
    if (mutual)
        mutualFilter(c, c);
    net.forward(c, scores);
    if (mutual)
        mutualFilter(scores, scores);
    return scores;
}

// {h1, w1, h2, w2} scores of all pairs
static Mat consensusScores(const SearchTask& task)
{
    Mat scores = branchScores(task.f1, task.f2, task.net, task.params.mutual);
    if (!task.selfSimilarity.empty())
    {
        const Mat second = branchScores(task.selfSimilarity.compute(task.f1), task.selfSimilarity.compute(task.f2), task.net,
                                        task.params.mutual);
        addWeighted(scores, 0.5, second, 0.5, 0, scores);
    }
    return scores;
}

// By stored volumes
static void findMatches(const SearchTask& task, bool wantBack, SearchResult& result)
{
    const Mat scores = consensusScores(task);
    bestMatches(scores, result.targets, result.best, FROM_1_TO_2);
    if (wantBack)
        bestMatches(scores, result.back, noArray(), FROM_2_TO_1);
    result.around.create(result.targets.size(), CV_32FC(AROUND));
    result.around.forEach<Vec<float, AROUND> >([&](Vec<float, AROUND>& around, const int* p)
    {
        scoresAround(scores.ptr<float>(p[0], p[1]), task.grid2(), Point(result.targets.at<Point2f>(p[0], p[1])), around.val);
    });
    if (!task.keep.empty())
        result.scores = scores.reshape(1, task.grid1().area());
}

SearchResult denseSearch(const SearchTask& task, bool wantBack)
{
    SearchResult result;
    result.peakWorkspace = denseWorkspace(task);
    if (result.peakWorkspace > task.params.memoryLimit)
        CV_Error(Error::StsNoMem, format("dense 4D matching of %dx%d with %dx%d cells needs %.1f MB of workspace and memoryLimit is "
                                         "%.1f MB; raise memoryLimit, use smaller grids or SEARCH_PATCHMATCH",
                                         task.f1.size[0], task.f1.size[1], task.f2.size[0], task.f2.size[1],
                                         result.peakWorkspace / 1e6, task.params.memoryLimit / 1e6));
    if (isStreamed(task))
        DenseStream(task, wantBack, result).run();
    else
        findMatches(task, wantBack, result);
    result.pairsScored = (int64)task.grid1().area() * task.grid2().area();
    result.hiddenSites = (task.selfSimilarity.empty() ? 1 : 2) * task.net.cost(task.grids()).hiddenSites;
    return result;
}

}}
