// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_BATCH_HPP
#define SEMCORR_TRAIN_BATCH_HPP

#include <torch/torch.h>

#include "training_data.hpp"

namespace train {

// Pairs of one step as tensors. Grids of different sizes are padded with zeros to the largest, lists of points likewise.
struct Batch
{
    struct Side
    {
        torch::Tensor features;       // n×C×h×w, or the activations that trained blocks of the backbone make features of
        std::vector<cv::Size> sizes;  // of the n pictures in `features`
        torch::Tensor mask;           // n×1×h×w, 1 inside the picture's grid
        torch::Tensor cells;          // n×k×2, positions (x, y) in cells
        torch::Tensor dropped;        // n×C×1×1 factors for dropout, or undefined
    };
    Side side1, side2;
    Side others;           // NC-Net's weak loss: the next pair's second pictures, which do not match; else undefined
    torch::Tensor valid;   // n×k, 1 where the point lies inside both grids
    torch::Tensor warped;  // n, 1 for pairs of warped photographs
};

// Pairs first...first+count-1 of the batch of a step
Batch makeBatch(const TrainingData& data, const Options& options, int step, int first, int count, const torch::Device& device);

// One picture as a batch side without points. computed: of Backbone::computeOnce; grid: of its features
Batch::Side makeSide(const cv::Mat& computed, const cv::Size& grid, const torch::Device& device);

// Whole cells nearest to the points, n×k×2 int64; points outside a grid are moved to its border, they do not count anyway
torch::Tensor nearestCells(const Batch::Side& side);

}

#endif
