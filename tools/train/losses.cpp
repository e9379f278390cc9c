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

}
