// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "losses.hpp"

using torch::Tensor;

namespace train {

Tensor proxyLoss(const Tensor& scores, const Tensor& mask, const Tensor& cells, const Tensor& valid, double sigma)
{
    const int64_t h = scores.size(2), w = scores.size(3);
    const Tensor x = torch::arange(w, cells.options()), y = torch::arange(h, cells.options()).view({ h, 1 });
    const Tensor dx = x - cells.select(2, 0).unsqueeze(-1).unsqueeze(-1), dy = y - cells.select(2, 1).unsqueeze(-1).unsqueeze(-1);
    Tensor wanted = torch::exp((dx.square() + dy.square()) / (-2 * sigma * sigma)) * mask;
    wanted = (wanted / wanted.sum({ 2, 3 }, true).clamp_min(1e-9)).flatten(2);
    // clamped, since 0 times infinity is not a number
    const Tensor found = scores.masked_fill(mask == 0, -1e9).flatten(2).log_softmax(-1).clamp_min(-1e4);
    const Tensor entropy = -(wanted * found).sum(-1);
    return ((entropy * valid).sum(1) / valid.sum(1).clamp_min(1)).mean();
}

Tensor holdLoss(const Tensor& adapted, const Tensor& before, const Tensor& mask, const Tensor& counts)
{
    const Tensor moved = (1 - (adapted * before).sum(1, true)) * mask;
    return (counts * moved.sum({ 1, 2, 3 }) / mask.sum({ 1, 2, 3 })).mean();
}

Tensor matchability(const Tensor& scores, const Tensor& mask1, const Tensor& mask2)
{
    const Tensor s = scores.flatten(3, 4).flatten(1, 2);
    const Tensor inside1 = mask1.flatten(1).unsqueeze(2), inside2 = mask2.flatten(1).unsqueeze(1);
    const auto meanOfBest = [&](int64_t over, const Tensor& inside, const Tensor& cells)
    {
        const Tensor best = s.masked_fill(inside == 0, -1e30).softmax(over).amax(over, true);
        return (best * cells).sum({ 1, 2 }) / cells.sum({ 1, 2 });
    };
    return ((meanOfBest(2, inside2, inside1) + meanOfBest(1, inside1, inside2)) / 2).mean();
}

// n×k×h×w: weights of the four cells around each position, or of fewer at the grid's border
static Tensor bilinearWeights(const Tensor& cells, int64_t h, int64_t w)
{
    const Tensor columns = torch::arange(w, cells.options()), rows = torch::arange(h, cells.options());
    const Tensor x = torch::relu(1 - (columns - cells.select(2, 0).unsqueeze(-1)).abs());
    const Tensor y = torch::relu(1 - (rows - cells.select(2, 1).unsqueeze(-1)).abs());
    return y.unsqueeze(3) * x.unsqueeze(2);
}

// n×k×h×w: a Gaussian in 5×5 cells around the nearest one, of sum 1
static Tensor blurredPoints(const Tensor& cells, const Tensor& mask, double sigma)
{
    const int64_t h = mask.size(2), w = mask.size(3);
    const Tensor nearest = cells.round();
    const Tensor dx = (torch::arange(w, cells.options()) - nearest.select(2, 0).unsqueeze(-1)).unsqueeze(2);
    const Tensor dy = (torch::arange(h, cells.options()) - nearest.select(2, 1).unsqueeze(-1)).unsqueeze(3);
    const Tensor near = (dx.abs() <= 2) * (dy.abs() <= 2) * mask;
    const Tensor g = torch::exp((dx.square() + dy.square()) / (-2 * sigma * sigma)) * near;
    return g / g.sum({ 2, 3 }, true).clamp_min(1e-9);
}

// Length of what the dimensions from `from` on hold
static Tensor euclidean(const Tensor& x, int64_t from)
{
    return torch::sqrt(x.square().flatten(from).sum(-1) + 1e-12);  // at 0, sqrt has no finite gradient
}

Tensor rowLoss(const Tensor& scores, const Tensor& mask1, const Tensor& cells1, const Tensor& mask2, const Tensor& cells2,
               const Tensor& valid, double sigma, double orthogonal)
{
    const Tensor weights = bilinearWeights(cells1, mask1.size(2), mask1.size(3)).flatten(2);
    const Tensor counts = valid.unsqueeze(2), n = valid.sum(1).clamp_min(1);
    const Tensor raw = torch::bmm(weights, scores.flatten(3, 4).flatten(1, 2));
    const Tensor rows = raw / (raw.sum(2, true) + 1e-8) * counts;
    const Tensor wanted = blurredPoints(cells2, mask2, sigma).flatten(2) * counts;
    const Tensor distance = (euclidean(rows - wanted, 2) * valid).sum(1);
    const Tensor products = torch::bmm(rows, rows.transpose(1, 2)) - torch::bmm(wanted, wanted.transpose(1, 2));
    return ((distance + orthogonal * euclidean(products, 1)) / n).mean();
}

}
