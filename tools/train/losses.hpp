// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_LOSSES_HPP
#define SEMCORR_TRAIN_LOSSES_HPP

#include <torch/torch.h>

namespace train {

// PMNC's proxy: for each annotated point the distribution over all target cells, cross-entropy against the annotation. The
// target distribution is a small Gaussian, our choice.
// scores: n×k×h×w of the nearest source cells; mask: n×1×h×w of the targets' grids; cells: n×k×2 true positions in cells;
// valid: n×k, 0 for points that do not count; sigma: cells. Returns the mean over pairs of the mean over their points, so that a
// batch's loss is the mean of its parts' losses.
torch::Tensor proxyLoss(const torch::Tensor& scores, const torch::Tensor& mask, const torch::Tensor& cells,
                        const torch::Tensor& valid, double sigma);

// How far an adapter moves the features of some pictures: 1 minus the cosine, mean over the cells. Learning without forgetting,
// though of features instead of answers; our choice. adapted, before: n×D×h×w, unit length or 0 outside the grids; mask:
// n×1×h×w; counts: n, 0 for pictures that may change. Returns the mean over all pictures, those included.
torch::Tensor holdLoss(const torch::Tensor& adapted, const torch::Tensor& before, const torch::Tensor& mask,
                       const torch::Tensor& counts);

// How sure the matches of picture pairs are, NC-Net's measure: the mean over the cells of the largest value of the softmax over
// the other picture's cells, averaged over both directions and the pairs. scores: n×h1×w1×h2×w2; masks: n×1×h×w.
torch::Tensor matchability(const torch::Tensor& scores, const torch::Tensor& mask1, const torch::Tensor& mask2);

// ANC-Net's loss of annotated points: the distance of their rows of scores, divided by the sum of each, from a blurred point at
// the annotation, plus `orthogonal` times the distance of the rows' products from those of the blurred points.
// scores: n×h1×w1×h2×w2, not negative; cells1, cells2: n×k×2 positions in cells; valid: n×k; sigma: of the blur, cells. Returns
// the mean over pairs.
torch::Tensor rowLoss(const torch::Tensor& scores, const torch::Tensor& mask1, const torch::Tensor& cells1,
                      const torch::Tensor& mask2, const torch::Tensor& cells2, const torch::Tensor& valid, double sigma,
                      double orthogonal);

}

#endif
