// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "batch.hpp"

#include "random.hpp"
#include "tensors.hpp"

using torch::Tensor;
using torch::indexing::Slice;

namespace train {

// n grids h×w×C and their points, the same number for each
static Batch::Side collate(const std::vector<cv::Mat>& grids, const std::vector<std::vector<cv::Point2f> >& points)
{
    int64_t h = 0, w = 0, k = 0;
    const int64_t n = (int64_t)grids.size(), channels = grids[0].size[2];
    for (int64_t i = 0; i < n; i++)
    {
        h = std::max(h, (int64_t)grids[i].size[0]);
        w = std::max(w, (int64_t)grids[i].size[1]);
        k = std::max(k, (int64_t)points[i].size());
    }
    Batch::Side side;
    Tensor features = torch::zeros({ n, h, w, channels });
    side.mask = torch::zeros({ n, 1, h, w });
    side.cells = torch::full({ n, std::max(k, (int64_t)1), 2 }, -1e6f);
    for (int64_t i = 0; i < n; i++)
    {
        const Slice rows(0, grids[i].size[0]), columns(0, grids[i].size[1]);
        features.index_put_({ i, rows, columns }, toTensor(grids[i]));
        side.mask.index_put_({ i, 0, rows, columns }, 1);
        for (size_t j = 0; j < points[i].size(); j++)
        {
            side.cells[i][(int64_t)j][0] = points[i][j].x;
            side.cells[i][(int64_t)j][1] = points[i][j].y;
        }
    }
    side.features = features.permute({ 0, 3, 1, 2 }).contiguous(torch::MemoryFormat::ChannelsLast);
    return side;
}

// n×k: whether the points lie in the grids
static Tensor isInside(const Batch::Side& side)
{
    const Tensor width = side.mask.select(2, 0).sum(-1), height = side.mask.select(3, 0).sum(-1);  // n×1
    const Tensor x = side.cells.select(2, 0), y = side.cells.select(2, 1);
    return (x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5);
}

// A channel is dropped in all cells of a picture. Each picture has its own random numbers, so that processes which share a batch
// draw what one process would.
static Tensor dropChannels(const Options& options, int64_t channels, int step, int first, int count, int which)
{
    std::vector<Tensor> factors;
    for (int i = 0; i < count; i++)
    {
        cv::RNG rng(mixSeed({ (uint64_t)options.seed, RANDOM_DROPOUT, (uint64_t)step, (uint64_t)(first + i), (uint64_t)which }));
        std::vector<float> values;
        for (int64_t c = 0; c < channels; c++)
            values.push_back(rng.uniform(0., 1.) < options.dropout ? 0.f : (float)(1 / (1 - options.dropout)));
        factors.push_back(torch::tensor(values));
    }
    return torch::stack(factors).view({ count, channels, 1, 1 });
}

static Batch::Side toDevice(Batch::Side side, const torch::Device& device)
{
    for (Tensor* t : { &side.features, &side.mask, &side.cells, &side.dropped })
        if (t->defined())
            *t = t->to(device);
    return side;
}

Batch makeBatch(const TrainingData& data, const Options& options, int step, int first, int count, const torch::Device& device)
{
    std::vector<cv::Mat> grids1, grids2;
    std::vector<std::vector<cv::Point2f> > points1, points2;
    for (int i = first; i < first + count; i++)
    {
        const TrainingPair pair = data.pair(step, i);
        grids1.push_back(pair.features1);
        grids2.push_back(pair.features2);
        points1.push_back(pair.cells1);
        points2.push_back(pair.cells2);
    }
    Batch batch;
    if (options.loss == "weak")
    {
        // of the whole batch, however many processes share it
        const TrainingPair next = data.pair(step, (first + count) % options.batch);
        std::vector<cv::Mat> others(grids2.begin() + 1, grids2.end());
        std::vector<std::vector<cv::Point2f> > points(points2.begin() + 1, points2.end());
        others.push_back(next.features2);
        points.push_back(next.cells2);
        batch.others = collate(others, points);
    }
    batch.side1 = collate(grids1, points1);
    batch.side2 = collate(grids2, points2);
    batch.valid = (isInside(batch.side1) & isInside(batch.side2)).to(torch::kFloat).to(device);
    if (options.dropout > 0 && options.adapter != "none")
    {
        batch.side1.dropped = dropChannels(options, data.channels(), step, first, count, 1);
        batch.side2.dropped = dropChannels(options, data.channels(), step, first, count, 2);
        if (batch.others.features.defined())
            batch.others.dropped = dropChannels(options, data.channels(), step, first, count, 3);
    }
    batch.side1 = toDevice(batch.side1, device);
    batch.side2 = toDevice(batch.side2, device);
    batch.others = toDevice(batch.others, device);
    return batch;
}

Batch::Side makeSide(const cv::Mat& features, const torch::Device& device)
{
    return toDevice(collate({ features }, { {} }), device);
}

Tensor nearestCells(const Batch::Side& side)
{
    const Tensor width = side.mask.select(2, 0).sum(-1), height = side.mask.select(3, 0).sum(-1);  // n×1
    const Tensor last = torch::stack({ width, height }, -1) - 1;
    return torch::minimum(side.cells.round().clamp_min(0), last).to(torch::kLong);
}

}
