// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "batch.hpp"

#include "random.hpp"
#include "tensors.hpp"

using torch::Tensor;
using torch::indexing::Slice;

namespace train {

static cv::Size largest(const std::vector<cv::Size>& sizes)
{
    cv::Size most;
    for (const cv::Size& size : sizes)
        most = cv::Size(std::max(most.width, size.width), std::max(most.height, size.height));
    return most;
}

static Batch::Side collate(const std::vector<TrainingPicture>& pictures)
{
    Batch::Side side;
    std::vector<cv::Size> grids;
    int64_t k = 1;
    const int64_t n = (int64_t)pictures.size();
    for (const TrainingPicture& picture : pictures)
    {
        side.sizes.push_back(cv::Size(picture.computed.size[1], picture.computed.size[0]));
        grids.push_back(picture.grid);
        k = std::max(k, (int64_t)picture.cells.size());
    }
    const cv::Size whole = largest(side.sizes), grid = largest(grids);
    Tensor features = torch::zeros({ n, whole.height, whole.width, pictures[0].computed.size[2] });
    side.mask = torch::zeros({ n, 1, grid.height, grid.width });
    side.cells = torch::full({ n, k, 2 }, -1e6f);
    for (int64_t i = 0; i < n; i++)
    {
        const TrainingPicture& picture = pictures[i];
        features.index_put_({ i, Slice(0, side.sizes[i].height), Slice(0, side.sizes[i].width) }, toTensor(picture.computed));
        side.mask.index_put_({ i, 0, Slice(0, picture.grid.height), Slice(0, picture.grid.width) }, 1);
        for (size_t j = 0; j < picture.cells.size(); j++)
        {
            side.cells[i][(int64_t)j][0] = picture.cells[j].x;
            side.cells[i][(int64_t)j][1] = picture.cells[j].y;
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
    std::vector<TrainingPicture> pictures1, pictures2;
    std::vector<float> warped;
    for (int i = first; i < first + count; i++)
    {
        const TrainingPair pair = data.pair(step, i);
        pictures1.push_back(pair.picture1);
        pictures2.push_back(pair.picture2);
        warped.push_back(pair.warped);
    }
    Batch batch;
    batch.side1 = collate(pictures1);
    batch.side2 = collate(pictures2);
    if (options.loss == "weak")
    {
        // of the whole batch, however many processes share it
        std::vector<TrainingPicture> others(pictures2.begin() + 1, pictures2.end());
        others.push_back(data.pair(step, (first + count) % options.batch).picture2);
        batch.others = collate(others);
    }
    batch.valid = (isInside(batch.side1) & isInside(batch.side2)).to(torch::kFloat).to(device);
    batch.warped = torch::tensor(warped).to(device);
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

Batch::Side makeSide(const cv::Mat& computed, const cv::Size& grid, const torch::Device& device)
{
    return toDevice(collate({ TrainingPicture{ computed, grid, {} } }), device);
}

Tensor nearestCells(const Batch::Side& side)
{
    const Tensor width = side.mask.select(2, 0).sum(-1), height = side.mask.select(3, 0).sum(-1);  // n×1
    const Tensor last = torch::stack({ width, height }, -1) - 1;
    return torch::minimum(side.cells.round().clamp_min(0), last).to(torch::kLong);
}

}
