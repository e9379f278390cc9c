// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "consensus_net.hpp"
#include "winograd_scorer.hpp"

namespace cv { namespace semcorr {

namespace {

// For any net: the net runs on the part of the volume around a tile of source cells × target cells. Where this part ends inside
// the grids, scores nearer to its end than the radius are wrong and not used; where it ends with the grids, the net's own
// padding is right.
class TileScorer CV_FINAL : public PairScorer
{
public:
    TileScorer(const LazyCorrelation& correlation, const ConsensusNet& net, size_t memory);

    void score(const BlockLists& lists, float* scores) CV_OVERRIDE;
    size_t workspace() const CV_OVERRIDE { return bytes; }
    int64 hiddenSites() const CV_OVERRIDE { return sites; }

private:
    struct Request
    {
        int tile2, cell1, block;  // tile of target cells
        size_t place;             // where the scores go, in blocks

        bool operator<(const Request& r) const { return tile2 != r.tile2 ? tile2 < r.tile2 : place < r.place; }
    };

    Vec4i patchAt(int tile1, int tile2, Vec4i& origin) const;
    size_t bytesPerThread() const;
    std::vector<Request> requests(const BlockLists& lists, int tile1) const;
    Mat tileScores(int tile1, int tile2, Vec4i& origin) const;

    const LazyCorrelation& correlation;
    const ConsensusNet& net;
    const ConsensusNetImpl& impl;
    const BlockGrid blocks;
    const Vec4i grids, radius;
    int side1, side2;  // of a tile, in cells
    Size tiles1, tiles2;
    size_t bytes;
    int64 sites;
};

TileScorer::TileScorer(const LazyCorrelation& correlation_, const ConsensusNet& net_, size_t memory)
    : correlation(correlation_), net(net_), impl(dynamic_cast<const ConsensusNetImpl&>(net_)), blocks(correlation_.view().grid2),
      grids(correlation_.view().grid1.height, correlation_.view().grid1.width, blocks.grid.height, blocks.grid.width),
      radius(impl.radius()), sites(0)
{
    // larger tiles share more of their surroundings
    const int threads = std::max(getNumThreads(), 1);
    for (side1 = 4; ; side1 /= 2)
    {
        side2 = 2 * side1;
        bytes = bytesPerThread() * threads;
        if (bytes <= memory || side1 == 1)
            break;
    }
    if (bytes > memory)
        CV_Error(Error::StsNoMem, format("scoring the smallest tile of pairs needs %.1f MB of workspace and memoryLimit leaves "
                                         "%.1f MB; raise memoryLimit or use fewer threads", bytes / 1e6, memory / 1e6));
    tiles1 = Size(divUp(grids[1], side1), divUp(grids[0], side1));
    tiles2 = Size(divUp(grids[3], side2), divUp(grids[2], side2));
}

size_t TileScorer::bytesPerThread() const
{
    Vec4i patch;
    size_t volume = 1;
    for (int d = 0; d < 4; d++)
    {
        patch[d] = std::min((d < 2 ? side1 : side2) + 2 * radius[d], grids[d]);
        volume *= patch[d];
    }
    return 2 * volume * sizeof(float) + impl.cost(patch).workspace;
}

// Grids of the part of the volume around a tile, and its first cells
Vec4i TileScorer::patchAt(int tile1, int tile2, Vec4i& origin) const
{
    const Vec4i first(tile1 / tiles1.width * side1, tile1 % tiles1.width * side1, tile2 / tiles2.width * side2,
                      tile2 % tiles2.width * side2);
    Vec4i size;
    for (int d = 0; d < 4; d++)
    {
        origin[d] = std::max(first[d] - radius[d], 0);
        size[d] = std::min(first[d] + (d < 2 ? side1 : side2) + radius[d], grids[d]) - origin[d];
    }
    return size;
}

Mat TileScorer::tileScores(int tile1, int tile2, Vec4i& origin) const
{
    const Vec4i size = patchAt(tile1, tile2, origin);
    Mat patch(4, size.val, CV_32F);
    const int n = size[2] * size[3];
    std::vector<int> cells1(n), cells2(n);
    for (int j = 0; j < n; j++)
        cells2[j] = (origin[2] + j / size[3]) * grids[3] + origin[3] + j % size[3];
    for (int i = 0; i < size[0] * size[1]; i++)
    {
        std::fill(cells1.begin(), cells1.end(), (origin[0] + i / size[1]) * grids[1] + origin[1] + i % size[1]);
        correlation.pairs(cells1.data(), cells2.data(), n, patch.ptr<float>() + (size_t)i * n);
    }
    net.forward(patch, patch);
    return patch;
}

// What the lists ask of one tile of source cells, by tile of target cells
std::vector<TileScorer::Request> TileScorer::requests(const BlockLists& lists, int tile1) const
{
    std::vector<Request> result;
    const int y0 = tile1 / tiles1.width * side1, x0 = tile1 % tiles1.width * side1;
    for (int y = y0; y < std::min(y0 + side1, grids[0]); y++)
        for (int x = x0; x < std::min(x0 + side1, grids[1]); x++)
        {
            const int p = y * grids[1] + x;
            for (int i = lists.first[p]; i < lists.first[p + 1]; i++)
            {
                const Point q = blocks.cellOf(lists.blocks[i], 0);
                const Request request = { q.y / side2 * tiles2.width + q.x / side2, p, lists.blocks[i], (size_t)i };
                result.push_back(request);
            }
        }
    std::sort(result.begin(), result.end());
    return result;
}

void TileScorer::score(const BlockLists& lists, float* scores)
{
    std::vector<int64> sitesOf(tiles1.area());
    parallel_for_(Range(0, tiles1.area()), [&](const Range& range)
    {
        for (int tile1 = range.start; tile1 < range.end; tile1++)
        {
            const std::vector<Request> all = requests(lists, tile1);
            Mat tile;
            Vec4i at;
            for (size_t i = 0; i < all.size(); i++)
            {
                const Request& r = all[i];
                if (i == 0 || r.tile2 != all[i - 1].tile2)
                {
                    tile = tileScores(tile1, r.tile2, at);
                    sitesOf[tile1] += impl.cost(gridsOf(tile)).hiddenSites;
                }
                for (int j = 0; j < BLOCK; j++)
                {
                    const Point q = blocks.cellOf(r.block, j);
                    const int index[] = { r.cell1 / grids[1] - at[0], r.cell1 % grids[1] - at[1], q.y - at[2], q.x - at[3] };
                    if (blocks.contains(q))
                        scores[r.place * BLOCK + j] = tile.at<float>(index);
                }
            }
        }
    }, tiles1.area());
    for (size_t i = 0; i < sitesOf.size(); i++)
        sites += sitesOf[i];
}

}

Ptr<PairScorer> createPairScorer(const LazyCorrelation& correlation, const ConsensusNet& net, size_t memory)
{
    const Ptr<PairScorer> fast = createWinogradScorer(correlation, net, memory);
    return fast ? fast : Ptr<PairScorer>(makePtr<TileScorer>(correlation, net, memory));
}

Ptr<ConsensusNet> transposedNet(const ConsensusNet& net)
{
    Ptr<ConsensusNet> result = ConsensusNet::create(net.getSymmetry(), net.getPadding());
    std::vector<Mat> weights, biases;
    for (int i = 0; i < net.getBlockCount(); i++)
    {
        net.getBlock(i, weights, biases);
        for (size_t j = 0; j < weights.size(); j++)
            weights[j] = Conv4dLayer(weights[j], biases[j]).transposed().weights();
        result->addBlock(weights, biases, net.isJoined(i));
    }
    result->setLastActivation(net.getLastActivation());
    result->setResidual(net.getResidual());
    return result;
}

}}
